"""The messages that both eras send alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from gateway.encoding import encode_object
from gateway.upstream.http.answers import Message
from gateway.upstream.http.client import Client
from gateway.upstream.http.failures import ConnectionLost, SessionLost, StatusFailure
from gateway.upstream.link import ACKNOWLEDGED, LOGGED, NOBODY, Heard, LinkFailure, Origin, Params, Refusal, Report

BOTH_TYPES = b"Accept: application/json, text/event-stream\r\nContent-Type: application/json\r\n"

RESENT = frozenset(
    {"server/discover", "ping", "tools/list", "prompts/list", "resources/list", "resources/templates/list"}
    | {"resources/read"}
)
"""Methods that may be sent again if nobody knows whether the server has received them: they change nothing."""

_RESERVED = "io.modelcontextprotocol/"


class Asking(NamedTuple):
    """A request of the era of sessions before it has an id. `lines` are those of its client, if they are known."""

    method: str
    params: Params
    report: Report | None = None
    origin: Origin = NOBODY
    lines: bytes | None = None

    def message(self, number: int) -> dict[str, Any]:
        """Returns the request without the fields of `_meta` that belong to the other era."""
        if self.report is None and "_meta" not in self.params:
            return {"id": number, "method": self.method, "params": self.params}
        meta = with_token(self.params.get("_meta"), number, self.report)
        meta = {name: value for name, value in meta.items() if not name.startswith(_RESERVED)}
        own = {name: value for name, value in self.params.items() if name != "_meta"}
        return {"id": number, "method": self.method, "params": {**own, "_meta": meta} if meta else own}


def encoded(message: Mapping[str, Any], limit: int) -> bytes:
    """Raises LinkFailure if the message is longer than `limit` bytes, or cannot be written as JSON."""
    try:
        body = encode_object({"jsonrpc": "2.0", **message})
    except (ValueError, TypeError) as exc:
        raise LinkFailure("the request cannot be written as JSON", was_sent=False) from exc
    if len(body) > limit:
        raise LinkFailure(f"the request is longer than {limit} bytes", was_sent=False)
    return body


def with_token(meta: Any, number: int, report: Report | None) -> dict[str, Any]:
    """Returns a copy of a request's `_meta` that asks for progress under our own token, if somebody wants it."""
    own = {**meta} if isinstance(meta, dict) else {}
    own.pop("progressToken", None)
    if report is not None:
        own["progressToken"] = number
    return own


async def cure_of(client: Client, method: str, exc: LinkFailure | Refusal, sent: bytes) -> str | None:
    """Returns how the same request in a session may succeed, if it was surely not executed or changes nothing.

    `sent` has the lines of `client` that were sent with it.
    """
    if isinstance(exc, SessionLost):
        return "session"
    if isinstance(exc, StatusFailure) and exc.status in (401, 403):
        return "headers" if await client.renewed(sent, exc.status) else None
    return "connection" if isinstance(exc, ConnectionLost) and method in RESENT else None


async def tell(message: Message, number: int, report: Report | None, heard: Heard, origin: Origin = NOBODY) -> None:
    """Hands on a notification that came on the stream of the request `number`, which comes from `origin`."""
    params = message.get("params")
    params = params if isinstance(params, dict) else {}
    if message["method"] == LOGGED and origin.log is not None:
        await origin.log(params)
    elif message["method"] == ACKNOWLEDGED and report is not None:
        await report(params)
    elif message["method"] != "notifications/progress":
        heard(str(message["method"]), params)
    elif report is not None and params.get("progressToken") == number:
        await report(params)
