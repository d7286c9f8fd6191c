"""The version of a tool in plain JSON: as a request asks for it, and as the headers of its answer tell it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from gateway.errors import GatewayError, InvalidRequest
from gateway.server import Callee
from gateway.tool import Deprecation, Entry
from gateway.versions.choice import Choice, choose
from gateway.versions.pin import pin_of
from routes.scope import VERSION, root_path_of

Headers = list[tuple[bytes, bytes]]


def chosen(
    body: Mapping[str, Any],
    scope: Scope,
    server: Callee,
    tool: str,
    state: str | None = None,
    *,
    found: Entry | None = None,
) -> Choice:
    """Returns the version that a request means: by `version` in its body, by Tool-Version, or by `tool@version`.

    `found` is what the server finds for `tool`, if that is known.

    Raises:
        InvalidRequest: one is malformed, or two differ.
    """
    wanted, in_header = body.get("version"), VERSION.get(scope)
    if wanted is not None and in_header is not None and pin_of(wanted).text != pin_of(in_header).text:
        raise InvalidRequest("`version` and the header Tool-Version differ.")
    return choose(server.find, server.name, tool, in_header if wanted is None else wanted, state, found=found)


def chosen_to_show(request: Request, server: Callee) -> Choice:
    """Returns the version of the tool that a request wants to see."""
    if (wanted := request.headers.get("tool-version")) is not None:
        VERSION.set(request.scope, wanted)
    return chosen({}, request.scope, server, request.path_params["tool"])


def with_version(response: Response, entry: Entry, server: Callee, request: Request) -> Response:
    """Adds the headers of the version that a response shows."""
    for name, value in version_headers(entry, server.name, request.scope):
        response.headers.append(name.decode(), value.decode())
    if shown_version(entry):
        response.headers.add_vary_header("Tool-Version")
    return response


def shown_version(entry: Entry | None) -> str:
    """Returns the version that an answer tells; empty if it tells none."""
    return entry.version if entry is not None and entry.versions is not None and entry.versions.are_shown else ""


def version_headers(entry: Entry | None, server: str, scope: Scope) -> Headers:
    """Returns the headers that say which version ran, and until when it will (RFC 9745, RFC 8594). None without any."""
    if entry is None or entry.versions is None or not shown_version(entry):
        return []
    headers = [(b"tool-version", entry.version.encode())]
    deprecation = entry.versions.deprecation(entry.version)
    return headers if deprecation is None else [*headers, *_deprecated(entry, deprecation, server, scope)]


def _deprecated(entry: Entry, deprecation: Deprecation, server: str, scope: Scope) -> Headers:
    headers = [(b"deprecation", b"@%d" % deprecation.since)]
    url = f"{root_path_of(scope)}/{server}/mcp/tools/{quote(entry.name, safe='')}"
    links = [f'<{url}@{entry.version}>; rel="deprecation"']
    if deprecation.sunset is not None:
        headers.append((b"sunset", format_datetime(datetime.fromtimestamp(deprecation.sunset, UTC), True).encode()))
        links.append(f'<{url}@{entry.version}>; rel="sunset"')
    successor = _successor(entry, deprecation)
    if successor is not None:
        links.append(f'<{url}@{successor}>; rel="successor-version"')
    return [*headers, (b"link", ", ".join(links).encode())]


def _successor(entry: Entry, deprecation: Deprecation) -> str | None:
    """Returns the version to use instead, if the caller may call it."""
    assert entry.versions is not None
    live = [each.version for each in entry.versions.live()]
    try:
        found = entry.versions.choose(deprecation.use).version if deprecation.use else ""
    except GatewayError:
        return None
    return found if found in live else None
