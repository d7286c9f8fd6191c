"""The real application in front of child processes, each of which runs a version of one server's tools."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PEER = Path(__file__).parent / "peer.py"


def child(version: str, how: str = "", **fields: Any) -> dict[str, Any]:
    """Returns the entry of the file for a peer of a version."""
    return {"command": sys.executable, "args": ["-IS", str(PEER)], "env": {"VERSION": version, "PEER": how}, **fields}


def entry_name(version: str, name: str = "one") -> str:
    return f"{name}-v{version.replace('.', '-')}"


def described(
    *versions: str, name: str = "one", how: Mapping[str, str] | None = None, **deprecated: Mapping[str, Any]
) -> dict[str, Any]:
    """Returns the file of a server with these versions. `deprecated` has what is declared of `v1`, …, by its place."""
    entries = {entry_name(version, name): child(version, (how or {}).get(version, "")) for version in versions}
    targets: dict[str, Any] = {version: entry_name(version, name) for version in versions}
    for place, version in enumerate(versions, 1):
        if f"v{place}" in deprecated:
            targets[version] = {"server": targets[version], "deprecated": deprecated[f"v{place}"]}
    return {"mcpServers": entries, "versions": {name: targets}}


def written(folder: Path, document: Mapping[str, Any]) -> str:
    """Writes the file, and returns its path."""
    file = folder / "mcp.json"
    file.write_text(json.dumps(document))
    return str(file)
