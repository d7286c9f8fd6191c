"""Tools as function-calling JSON of each vendor, ready to pass as the `tools` of a request to its API."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from gateway.encoding import encode_object, in_turns
from gateway.errors import InvalidRequest
from gateway.server import Server
from gateway.tool import Entry, ToolInfo
from routes.vendors.anthropic import anthropic
from routes.vendors.gemini import gemini
from routes.vendors.openai import openai, openai_responses

logger = logging.getLogger(__name__)
Named = Iterable[tuple[str, Server, ToolInfo]]
"""Tools, each with the name that models see, and its server."""


@dataclass(frozen=True, slots=True)
class Format:
    """Converts one tool under a name; a list of several stands between `start` and `end`."""

    convert: Callable[[str, ToolInfo], dict[str, Any]]
    start: bytes = b"["
    end: bytes = b"]"

    def encode(self, name: str, tool: ToolInfo) -> bytes:
        try:
            return encode_object(self.convert(name, tool))
        except Exception as exc:  # the schema of an author may be anything
            logger.warning("the schema of tool %r cannot be converted; models see any arguments", name, exc_info=exc)
            return encode_object(self.convert(name, {**tool, "inputSchema": {"type": "object"}}))


FORMATS: Mapping[str, Format] = {
    "openai": Format(openai),
    "openai-responses": Format(openai_responses),
    "anthropic": Format(anthropic),
    "gemini": Format(gemini, b'[{"functionDeclarations":[', b"]}]"),
}


class Conversions:
    """Converts a tool once for each format and name. Nothing is left of a tool that was removed or replaced."""

    def __init__(self) -> None:
        self._made: WeakKeyDictionary[Entry, dict[tuple[str, str], bytes]] = WeakKeyDictionary()

    async def encode(self, tools: Named, format_name: str) -> bytes:
        """Returns the tools as JSON. Raises InvalidRequest for an unknown format."""
        if format_name not in FORMATS:
            raise InvalidRequest(f"There is no format {format_name!r}; there are: {', '.join(FORMATS)}.")
        converted = [self._converted(each, format_name) async for each in in_turns(tools)]
        form = FORMATS[format_name]
        return b"%b%b%b" % (form.start, b",".join(converted), form.end) if converted else b"[]"

    def _converted(self, named: tuple[str, Server, ToolInfo], format_name: str) -> bytes:
        name, server, tool = named
        entry = server.find(tool["name"])
        if entry is None or entry.info is not tool:  # the list is older than the tool
            return FORMATS[format_name].encode(name, tool)
        made = self._made.setdefault(entry, {})
        encoded = made.get((format_name, name))
        if encoded is None:
            encoded = made[format_name, name] = FORMATS[format_name].encode(name, tool)
        return encoded
