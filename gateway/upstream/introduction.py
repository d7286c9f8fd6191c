"""How we introduce ourselves to an upstream server, and what it says of itself."""

from __future__ import annotations

from gateway import VERSION
from gateway.upstream.link import Identity, Params

CLIENT = {"name": "multi-mcp", "version": VERSION}
_SERVER_INFO = "io.modelcontextprotocol/serverInfo"


def identity_of(version: str, found: Params) -> Identity:
    """Returns what the answer to `server/discover` or `initialize` says."""
    meta = found.get("_meta")
    stamped = meta.get(_SERVER_INFO) if isinstance(meta, dict) else None
    info, capabilities = found.get("serverInfo") or stamped, found.get("capabilities")
    instructions = found.get("instructions")
    return Identity(
        version,
        capabilities if isinstance(capabilities, dict) else {},
        info if isinstance(info, dict) else {},
        instructions if isinstance(instructions, str) else None,
    )
