"""One turn with three tool calls under LangGraph, as `turns.langgraph_*` needs it: a scripted model in the process, a tool that returns at once, a new
thread for each turn. Prints the median milliseconds of a turn for each way to keep checkpoints, as one line of JSON.

    python turn.py [TURNS]
"""

import json
import sqlite3
import statistics
import sys
import tempfile
import time
from pathlib import Path

from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition

ROUNDS = 3
WARM_UP = 20


@tool
def request(url: str) -> str:
    """Sends a request."""
    return f"the host of {url} is not allowed"


def model(state: MessagesState):
    done = len(state["messages"]) // 2
    usage = {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15}
    if done < ROUNDS:
        call = {"id": f"c{done}", "name": "request", "args": {"url": "http://bench.invalid/"}}
        return {"messages": [AIMessage("", tool_calls=[call], usage_metadata=usage)]}
    return {"messages": [AIMessage("42", usage_metadata=usage)]}


def agent(checkpointer):
    graph = StateGraph(MessagesState)
    graph.add_node("model", model)
    graph.add_node("tools", ToolNode([request]))
    graph.add_edge(START, "model")
    graph.add_conditional_edges("model", tools_condition)
    graph.add_edge("tools", "model")
    return graph.compile(checkpointer=checkpointer)


def measure(checkpointer, turns, **durability):
    graph = agent(checkpointer)
    times = []
    for turn in range(WARM_UP + turns):
        config = {"configurable": {"thread_id": str(turn)}}
        began = time.perf_counter()
        state = graph.invoke({"messages": [("user", "go")]}, config, **durability)
        took = time.perf_counter() - began
        assert state["messages"][-1].content == "42" and len(state["messages"]) == 2 * ROUNDS + 2
        if turn >= WARM_UP:
            times.append(took * 1000)
    return statistics.median(times)


def on_disk(folder, turns, synchronous):
    connection = sqlite3.connect(Path(folder) / f"{synchronous}.db", check_same_thread=False)
    saver = SqliteSaver(connection)
    saver.setup()  # sets WAL
    connection.execute(f"PRAGMA synchronous = {synchronous}")
    return measure(saver, turns, durability="sync")


def main():
    turns = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    with tempfile.TemporaryDirectory() as folder:
        figures = {
            "full": on_disk(folder, turns, "FULL"),
            "normal": on_disk(folder, turns, "NORMAL"),
            "memory": measure(InMemorySaver(), turns),
            "none": measure(None, turns),
        }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
