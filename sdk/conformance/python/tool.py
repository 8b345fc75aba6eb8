"""What every SDK must do, in Python: the guest of the conformance table."""

import os
import socket

from caxton import InvalidArguments, Tools, tool  # noqa: F401: the component exports `Tools`


@tool(options={"annotations": {"readOnlyHint": True}})
def hello(name: str) -> str:
    "Greets somebody by name."
    return f"Hello, {name}!"


@tool
def echo(text: str) -> str:
    "Says what it is told."
    return text


@tool
def fail(kind: str) -> str:
    "Fails in the way it is asked to."
    raise InvalidArguments("as asked: invalid") if kind == "invalid" else RuntimeError("as asked: failed")


@tool
def big(kib: int) -> str:
    "Answers at length."
    return "x" * (kib * 1024)


@tool
def spin() -> str:
    "Never ends."
    while True:
        pass


@tool
def trap() -> str:
    "Crashes."
    os.abort()


@tool
def read(path: str) -> str:
    "Reads a file."
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError as error:
        raise RuntimeError(f"refused: {error}") from None


@tool
def env(name: str) -> str:
    "Reads a variable of the environment."
    if name not in os.environ:
        raise RuntimeError("refused: it is not set")
    return os.environ[name]


@tool
def connect(address: str) -> str:
    "Connects to an address."
    host, port = address.rsplit(":", 1)
    try:
        socket.create_connection((host, int(port)), timeout=1).close()
    except Exception as error:
        raise RuntimeError(f"refused: {error}") from None
    return "connected"
