"""Calls the tool `echo` of an MCP server with the reference client, one call after the other, as `mcp.call_*` needs it. Prints the microseconds of each
call as one line of JSON.

    python client.py WARM_UP CALLS URL
    python client.py WARM_UP CALLS COMMAND [ARGUMENT...]
"""

import asyncio
import json
import sys
import time

from mcp import Client, StdioServerParameters


async def main(warm_up, calls, target):
    server = target[0] if target[0].startswith("http") else StdioServerParameters(command=target[0], args=target[1:])
    times = []
    async with Client(server) as client:
        for call in range(warm_up + calls):
            began = time.perf_counter()
            result = await client.call_tool("echo", {"text": "hello"})
            took = time.perf_counter() - began
            assert result.content[0].text == "hello", result
            if call >= warm_up:
                times.append(took * 1e6)
    print(json.dumps(times))


asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]))
