"""Entries of the MCP registry that cannot be expressed as entries of the file of servers."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.upstream.cli import main
from tests.gateway.upstream.published.conftest import Imported, server

PACKAGE = {"registryType": "npm", "identifier": "a", "version": "1.0.0"}


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"registryType": "mcpb"}, "packages of the kind 'mcpb' are not supported"),
        ({"registryType": "cargo"}, "packages of the kind 'cargo' are not supported"),
        ({"version": "latest"}, "version: an exact one is needed"),
        ({"version": ""}, "version: an exact one is needed"),
        ({"version": "^1.2.3"}, "version: an exact one is needed"),
        ({"version": "1.x"}, "version: an exact one is needed"),
        ({"version": "1.*"}, "version: an exact one is needed"),
        ({"identifier": "--registry=http://evil"}, "identifier: this is not the name of a package"),
        ({"identifier": "git+https://evil/x"}, "identifier: this is not the name of a package"),
        ({"identifier": "../x"}, "identifier: this is not the name of a package"),
        ({"registryBaseUrl": "https://evil.example"}, "another registry than the public one"),
        ({"runtimeHint": "bunx"}, "it is run by 'bunx', and not by 'npx'"),
        ({"fileSha256": "a" * 64}, "cannot check the hash"),
        (
            {"transport": {"type": "streamable-http", "url": "http://localhost:1/mcp"}},
            "it serves 'streamable-http' itself",
        ),
        ({"environmentVariables": [{"name": "A", "value": "${HOME}"}]}, "would read a variable"),
        ({"environmentVariables": [{"name": "A", "default": "${SECRET:-x}"}]}, "would read a variable"),
        (
            {
                "environmentVariables": [
                    {"name": "A", "value": "{a}{b}", "variables": {"a": {"default": "$"}, "b": {"default": "{HOME}"}}}
                ]
            },
            "would read a variable",
        ),
        ({"environmentVariables": [{"name": "1 A", "isRequired": True}]}, "cannot be the name of a variable"),
        ({"packageArguments": [{"type": "named", "name": "${X}", "value": "1"}]}, "would read a variable"),
        ({"packageArguments": [{"type": "other", "name": "x"}]}, "packageArguments.0.type"),
        ({"registryType": "oci", "identifier": "-x:1"}, "identifier: this is not the name of an image"),
        ({"registryType": "oci", "identifier": "a/b:latest"}, "the tag of the image is no exact version"),
        (
            {"registryType": "oci", "runtimeArguments": [{"type": "named", "name": "--network", "value": "host"}]},
            "runtimeArguments: '--network' is not supported",
        ),
        (
            {"registryType": "oci", "runtimeArguments": [{"type": "positional", "value": "--privileged"}]},
            "runtimeArguments: '--privileged' is not supported",
        ),
    ],
)
def test_package_that_cannot_be_expressed_is_refused(imported: Imported, fields: dict[str, Any], fault: str) -> None:
    assert fault in imported.fault(server(packages=[{**PACKAGE, **fields}]))


@pytest.mark.parametrize(
    ("document", "fault"),
    [
        ("{", "not JSON"),
        ("[]", "the file: "),
        (server(), "it has no packages and no remotes"),
        ({**server(packages=[PACKAGE]), "name": "x/mcp"}, "cannot be the name of a server"),
        (server(packages=[{"registry_type": "npm", "identifier": "a"}]), "before 2025-09-16"),
        (server(remotes=[{"type": "websocket", "url": "wss://a"}]), "of the type 'websocket' are not supported"),
        (server(remotes=[{"type": "sse", "url": "https://a/${HOME}"}]), "would read a variable"),
        (server(packages=[{"registryType": "npm"}]), "packages.0.identifier"),
        (" " * (1024 * 1024 + 1), "larger than 1048576 bytes"),
    ],
)
def test_file_that_is_no_such_entry_is_refused(imported: Imported, document: Any, fault: str) -> None:
    assert fault in imported.fault(document)


def test_missing_file_is_one_line(imported: Imported) -> None:
    with pytest.raises(SystemExit) as raised:
        main(["import", "/does/not/exist"], {})
    assert "No such file" in str(raised.value)


def test_status_and_control_characters_are_shown_and_escaped(imported: Imported) -> None:
    secret = {"name": "A", "isSecret": True, "description": "x\x1b[31m"}
    imported({**server(packages=[{**PACKAGE, "environmentVariables": [secret]}]), "status": "deprecated"})
    assert "the registry says that it is 'deprecated'" in imported.notes
    assert "\x1b" not in imported.notes
