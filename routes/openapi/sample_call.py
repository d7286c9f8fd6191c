"""The sample of a call among many tools."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from gateway.server import Server
from gateway.tool import ToolInfo
from routes.openapi.samples import sample_arguments


class SampleCall(NamedTuple):
    server: str
    tool: str
    arguments: dict[str, Any]


def sample_call(servers: Iterable[tuple[Server, Sequence[ToolInfo]]], most: int | None = None) -> SampleCall | None:
    """Returns the call of one of the tools; None if there is none.

    A tool that says that it only reads comes first. One that says that it destroys is left out, and so is a call whose
    arguments are longer than `most` characters of JSON.
    """
    tools = [(server.name, tool, tool.get("annotations") or {}) for server, some in servers for tool in some]
    for reads in (True, False):
        for server, tool, hints in tools:
            if bool(hints.get("readOnlyHint")) is reads and not hints.get("destructiveHint"):
                arguments = sample_arguments(tool["inputSchema"])
                if arguments is not None and (most is None or len(json.dumps(arguments)) <= most):
                    return SampleCall(server, tool["name"], arguments)
    return None
