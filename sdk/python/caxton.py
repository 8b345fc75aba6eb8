"""caxton.py: a tool server in Python. See README.md.

    from caxton import Tools, tool

    @tool
    def hello(name: str) -> str:
        "Greets somebody by name."
        return f"Hello, {name}!"

The signature is the schema, the docstring the description. `Tools` is what the component exports: import it too.
"""

import inspect
import json
import types
import typing

from componentize_py_types import Err
from wit_world import exports
from wit_world.exports import tools as wit

__all__ = ["InvalidArguments", "Tools", "tool"]


class InvalidArguments(Exception):
    """Wrong arguments: raised by a tool, its text tells a model how to correct them."""


_TOOLS = {}
_PLAIN = {str: "string", int: "integer", float: "number", bool: "boolean", dict: "object", list: "array"}


def tool(function=None, *, name=None, description=None, schema=None, options=None):
    """Offers a function as a tool.

    It returns a text, a dict or list (which goes to programs as it is and to models as JSON), or `(text, dict)` with both.
    `schema` and `options` (annotations, outputSchema, title) are JSON as dicts; the schema is that of the signature
    unless it is given.
    """

    def offer(function):
        offered = name or function.__name__
        if offered in _TOOLS:
            raise ValueError(f"two tools are named `{offered}`")
        text = description or inspect.getdoc(function) or ""
        _TOOLS[offered] = (function, text, schema or _schema_of(function), options)
        return function

    return offer(function) if function else offer


class Tools(exports.Tools):
    """The interface `caxton:tool/tools`."""

    def list_tools(self):
        return [
            wit.Tool(name, text, json.dumps(schema), None if options is None else json.dumps(options))
            for name, (_, text, schema, options) in _TOOLS.items()
        ]

    def call_tool(self, name, arguments_json):
        if name not in _TOOLS:
            raise Err(wit.ToolError_UnknownTool(f"there is no tool `{name}`"))
        function, _, schema, _ = _TOOLS[name]
        try:
            arguments = json.loads(arguments_json)
            _check(arguments, schema)
            answer = json.dumps(_result(function(**arguments)), ensure_ascii=False)
        except InvalidArguments as error:
            raise Err(wit.ToolError_InvalidArguments(str(error))) from None
        except Exception as error:  # noqa: BLE001: whatever a tool raises fails its call, and only that
            raise Err(wit.ToolError_Failed(str(error) or type(error).__name__)) from None
        return answer


def _result(answer):
    """What a tool returned, as an MCP `CallToolResult`."""
    if isinstance(answer, tuple):
        text, data = answer
    elif isinstance(answer, (dict, list)):
        text, data = json.dumps(answer, ensure_ascii=False), answer
    else:
        text, data = str(answer), None
    result = {"content": [{"type": "text", "text": text}], "isError": False}
    if data is not None:
        result["structuredContent"] = {"items": data} if isinstance(data, list) else data
    return result


def _schema_of(function):
    hints = typing.get_type_hints(function, include_extras=True)
    properties, required = {}, []
    for parameter in inspect.signature(function).parameters.values():
        properties[parameter.name] = _type_schema(hints.get(parameter.name, str), f"{function.__name__}({parameter.name})")
        if parameter.default is inspect.Parameter.empty:
            required.append(parameter.name)
        elif parameter.default is not None:
            properties[parameter.name]["default"] = parameter.default
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _type_schema(hint, where):
    """The schema of a type; `Annotated[T, "text"]` describes it, `Annotated[T, {...}]` adds to it."""
    origin, of = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        schema = _type_schema(of[0], where)
        for extra in of[1:]:
            schema |= {"description": extra} if isinstance(extra, str) else extra
        return schema
    if origin in (typing.Union, types.UnionType):
        schemas = [_type_schema(one, where) for one in of if one is not type(None)]
        return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
    if origin is typing.Literal:
        return {"enum": list(of)}
    if origin is list:
        return {"type": "array", "items": _type_schema(of[0], where)}
    if origin is dict:
        return {"type": "object", "additionalProperties": _type_schema(of[1], where)}
    if hint is typing.Any:
        return {}
    if hint in _PLAIN:
        return {"type": _PLAIN[hint]}
    raise TypeError(f"{where}: the type {hint} has no JSON Schema; give `schema=`")


_FITS = {
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
}


def _check(arguments, schema):
    """The server has checked the arguments against the whole schema; this is what Python itself would stumble over."""
    properties = schema.get("properties", {})
    for name in schema.get("required", []):
        if name not in arguments:
            raise InvalidArguments(f"`{name}` is missing")
    for name, value in arguments.items():
        if name not in properties:
            raise InvalidArguments(f"there is no argument `{name}`; there are {', '.join(properties) or 'none'}")
        wanted = properties[name].get("type")
        if value is not None and wanted in _FITS and not _FITS[wanted](value):
            raise InvalidArguments(f"`{name}` must be of type {wanted}")
