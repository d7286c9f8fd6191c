"""A tool as every part of the gateway knows it before it is called, and what may be wrong with its arguments."""

from __future__ import annotations

from typing import Any, NotRequired, Protocol, TypedDict


class ToolInfo(TypedDict):
    """A tool as MCP lists it on the wire."""

    name: str
    title: NotRequired[str]
    description: NotRequired[str]
    inputSchema: dict[str, Any]
    outputSchema: NotRequired[dict[str, Any]]
    annotations: NotRequired[dict[str, Any]]


class ArgumentError(TypedDict):
    """The path of an invalid argument, such as `items.0.name`, and the reason. Never has the value."""

    path: str
    reason: str


def is_for_models(tool: ToolInfo) -> bool:
    """Returns False for a tool that only the server's own UI may call: `_meta.ui.visibility` lacks "model"."""
    meta: Any = tool.get("_meta")
    ui = meta.get("ui") if isinstance(meta, dict) else None
    visibility = ui.get("visibility") if isinstance(ui, dict) else None
    return not isinstance(visibility, list) or "model" in visibility


class Entry(Protocol):
    """A tool that a server has now. A changed tool is another entry."""

    @property
    def name(self) -> str:
        """The exact name on its server."""
        ...

    @property
    def info(self) -> ToolInfo: ...

    @property
    def direct(self) -> bool:
        """True if its function alone is called: it cannot report progress, ask its client, or see the request."""
        ...

    @property
    def asks(self) -> bool:
        """False if a call never asks its client for input: it ends with a result, or with an error."""
        ...

    @property
    def has_unsafe_names(self) -> bool:
        """True if models know some of its arguments by other names than the tool; see `argument_names`."""
        ...

    @property
    def waits(self) -> bool:
        """False if its function awaits nothing, so that a call has ended with its first step."""
        ...
