"""What a user of the reference client does with a workspace. Arguments: the era, then a URL, or a command to start. Prints what it saw as JSON."""

import asyncio
import json
import sys

from mcp import Client, StdioServerParameters
from mcp.types import ElicitResult, PromptReference, ResourceTemplateReference

TABLE = "city,people\nOslo,7\nBergen,3\n"


async def answer(context, params):
    """The person at the client: says yes, and knows the colour."""
    asked.append(params.message)
    properties = params.requested_schema["properties"]
    content = {"approve": True} if "approve" in properties else {"answer": "blue"}
    return ElicitResult(action="accept", content=content)


asked = []


def text(result):
    return "\n".join(block.text for block in result.content if block.type == "text")


async def main(mode, target):
    seen, steps = {}, []
    server = target[0] if target[0].startswith("http") else StdioServerParameters(command=target[0], args=target[1:])

    async def progress(done, total, message):
        steps.append(message)

    async with Client(server, mode=mode, elicitation_callback=answer) as client:
        seen["version"], seen["server"] = client.protocol_version, client.server_info.name
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        seen["tools"] = sorted(name for name in tools if name.startswith("ask_") or name.startswith("csv-stats"))
        table = {"name": "cities.csv", "media_type": "text/csv", "text": TABLE}
        reply = await client.call_tool(
            "ask_analyst", {"message": "How many people?", "attachments": [table]}, progress_callback=progress
        )
        seen["reply"], seen["conversation"] = text(reply), reply.structured_content["conversation"][:4]
        seen["progress"] = len(steps) > 0
        picked = await client.call_tool("ask_picker", {"message": "Pick a colour."})
        seen["picked"], seen["asked"] = text(picked), list(asked)
        counting = {"file": "cities.csv", "operation": "sum", "column": "people", "attachments": [table]}
        counted = await client.call_tool("csv-stats__stats", counting)
        seen["counted"] = "sum of people = 10" in text(counted) and not counted.is_error
        wrong = await client.call_tool("csv-stats__stats", {"file": "none.csv", "operation": "sum", "column": "people"})
        seen["wrong"] = wrong.is_error
        resources = (await client.list_resources()).resources
        seen["resources"] = [resource.uri.split("/memory/")[0] for resource in resources][:1]
        memory = json.loads((await client.read_resource(str(resources[0].uri))).contents[0].text)
        seen["memory"] = sorted(memory)
        template = (await client.list_resource_templates()).resource_templates[0].uri_template
        entity = memory["entity"]
        known = await client.complete(ResourceTemplateReference(uri=template), {"name": "entity", "value": entity[:2]})
        seen["completed"] = entity in known.completion.values
        prompt = await client.get_prompt("analyst", {"request": "How many?"})
        seen["prompt"] = [message.content.text for message in prompt.messages]
        unit = await client.complete(PromptReference(name="analyst"), {"name": "unit", "value": "pe"})
        seen["unit"] = unit.completion.values
        try:
            await client.call_tool("nothing__there", {})
        except Exception as error:
            seen["unknown"] = type(error).__name__
    print(json.dumps(seen))


asyncio.run(main(sys.argv[1], sys.argv[2:]))
