"""Runs the command on a document that a test describes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.upstream.cli import main
from gateway.upstream.config import read_upstreams


class Imported:
    """Runs the command on a document. `notes` are what it said last on stderr."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.file = folder / "server.json"
        self.notes = ""
        self._capsys = capsys

    def __call__(self, document: Any, *options: str) -> dict[str, Any]:
        self.file.write_text(document if isinstance(document, str) else json.dumps(document))
        main(["import", str(self.file), *options], {})
        printed = self._capsys.readouterr()
        self.notes = printed.err
        found: dict[str, Any] = json.loads(printed.out)["mcpServers"]
        self.file.write_text(printed.out)
        read_upstreams(self.file)
        return found

    def package(self, **fields: Any) -> dict[str, Any]:
        found: dict[str, Any] = self(server(packages=[{"transport": {"type": "stdio"}, **fields}]))["weather"]
        return found

    def fault(self, document: Any, *options: str) -> str:
        with pytest.raises(SystemExit) as raised:
            self(document, *options)
        return str(raised.value)


@pytest.fixture
def imported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Imported:
    return Imported(tmp_path, capsys)


def server(**parts: Any) -> dict[str, Any]:
    schema = "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json"
    return {"$schema": schema, "name": "io.github.user/weather", "description": "x", "version": "1.0.0", **parts}
