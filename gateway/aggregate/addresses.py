"""URIs and task ids over all servers: the server's name goes into them at `/mcp`, and comes out again.

The scheme of a URI stays, since clients decide by it: `ui://clock/app.html` of the server `alpha` is
`ui://alpha/clock/app.html`. The rest is never decoded, so that a URI template with the name in it expands to the URI
with the name in it.
"""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(//)?")
_OWN_SCHEME = "multi-mcp"
_WEB = frozenset({"http", "https", "data"})

Address = tuple[str, str]
"""A server's name, and what the server itself calls it."""


def with_server(server: str, uri: str) -> str:
    """Returns the URI over all servers of any `uri` of `server`, or the template of its template.

    `scheme://rest` becomes `scheme://{server}/rest`, and `scheme:rest` becomes `scheme:{server}:rest`. What has no
    scheme (`notes`, `{+path}`) becomes `multi-mcp://{server}/notes`.
    """
    name = quote(server, safe="")
    found = _SCHEME.match(uri)
    if found is None or found[1].lower() == _OWN_SCHEME:
        return f"{_OWN_SCHEME}://{name}/{uri}"
    return f"{found[0]}{name}{'/' if found[2] else ':'}{uri[found.end() :]}"


def without_server(uri: str) -> Address | None:
    """Returns the server's name and its own URI; None if `with_server` never returns this."""
    found = _SCHEME.match(uri)
    if found is None:
        return None
    name, separator, rest = uri[found.end() :].partition("/" if found[2] else ":")
    if not (name and separator):
        return None
    if found[1].lower() == _OWN_SCHEME:
        return (unquote(name), rest) if found[2] else None
    return unquote(name), found[0] + rest


def owner_of(uri: str) -> str | None:
    """Returns the name of the server in a URI; None if it names none."""
    address = without_server(uri)
    return None if address is None else address[0]


def is_web(uri: str) -> bool:
    """Returns True for a URI that clients can use without any server: `http`, `https` and `data`."""
    found = _SCHEME.match(uri)
    return found is not None and found[1].lower() in _WEB


def task_with_server(server: str, task: str) -> str:
    """Returns the id over all servers of a task."""
    return f"{quote(server, safe='')}:{task}"


def task_without_server(task: str) -> Address | None:
    """Returns the server's name and its own id of a task; None if `task_with_server` never returns this."""
    name, separator, own = task.partition(":")
    return (unquote(name), own) if name and separator else None
