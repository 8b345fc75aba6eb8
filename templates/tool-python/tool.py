from typing import Annotated

from caxton import Tools, tool  # noqa: F401: the component exports `Tools`


@tool(options={"annotations": {"readOnlyHint": True}})
def hello(name: Annotated[str, "Who is greeted"]) -> str:
    "Greets somebody by name."
    return f"Hello, {name}!"
