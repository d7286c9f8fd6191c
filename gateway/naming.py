"""Names of servers, and names of tools that every model's API accepts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from difflib import get_close_matches
from hashlib import sha256

RESERVED = frozenset(
    {"mcp", "tools", "call", "health", "livez", "readyz", "docs", "openapi", "ws", "metrics", "static", "admin"}
    | {"servers", "well-known", "console"}
)
"""Names that no server may have: the first segments of other URLs."""

MAX_NAME_LENGTH = 64
_HASHED_LENGTH = MAX_NAME_LENGTH - 9
MAX_SHOWN_LENGTH = 128
TOOL_SUFFIX = "_tool"
"""May be left off a tool's name if that is unambiguous."""

_SAFE = re.compile(rf"[A-Za-z_][A-Za-z0-9_-]{{0,{MAX_NAME_LENGTH - 1}}}")
_NOT_SAFE = re.compile(r"[^A-Za-z0-9_-]")


def unambiguous(keys: Iterable[tuple[str, str]]) -> dict[str, tuple[str, str]]:
    """Returns a safe name for each (server, name). A name that would be cut, changed or used twice ends in a hash.

    Safe is `[A-Za-z_][A-Za-z0-9_-]*` of at most 64 characters, which OpenAI, Anthropic and Gemini all accept.
    """
    wanted = {key: "_".join(filter(None, key)) for key in keys}
    count = Counter(wanted.values())
    clear = {key: name for key, name in wanted.items() if count[name] == 1 and _SAFE.fullmatch(name)}
    # A hashed name may be another tool's own name; that one is hashed then, too.
    while taken := {_hashed(name, key) for key, name in wanted.items() if key not in clear} & {*clear.values()}:
        clear = {key: name for key, name in clear.items() if name not in taken}
    return {clear.get(key) or _hashed(name, key): key for key, name in wanted.items()}


def may_be_named(server: str, name: str) -> bool:
    """Returns False if `unambiguous` gives nothing of `server` this name."""
    start = f"{server}_"
    return name == server or name.startswith((start, _safe(start)[:_HASHED_LENGTH]))


def _hashed(name: str, key: tuple[str, str]) -> str:
    digest = sha256("\0".join(key).encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{_safe(name)[:_HASHED_LENGTH]}_{digest}"


def _safe(name: str) -> str:
    safe = _NOT_SAFE.sub("_", name)
    return safe if safe[:1].isalpha() else f"_{safe}"


def cut(name: str) -> str:
    """Returns a name from a client, cut to a length that no existing name exceeds."""
    return name if len(name) <= MAX_SHOWN_LENGTH else f"{name[:MAX_SHOWN_LENGTH]}…"


def suggest(name: str, known: Iterable[str]) -> str:
    """Returns the nearest known names as a sentence, empty if none is near."""
    # A long name is not compared: the time grows with the square of its length.
    nearest = get_close_matches(name, known, n=3, cutoff=0.5) if len(name) <= MAX_SHOWN_LENGTH else []
    return f" Did you mean {' or '.join(map(repr, nearest))}?" if nearest else ""
