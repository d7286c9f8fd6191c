"""`python -m gateway.upstream import`: entries of the MCP registry become entries of the file of servers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.upstream.cli import main
from gateway.upstream.config import read_upstreams

NPM = {
    "registryType": "npm",
    "registryBaseUrl": "https://registry.npmjs.org",
    "identifier": "@modelcontextprotocol/server-brave-search",
    "version": "1.0.2",
    "transport": {"type": "stdio"},
    "environmentVariables": [
        {"name": "BRAVE_API_KEY", "description": "API key", "isRequired": True, "isSecret": True},
        {"name": "LOG_LEVEL", "default": "info"},
        {"name": "OTHER"},
    ],
}
REMOTE = {
    "type": "streamable-http",
    "url": "https://{tenant}.example.com/mcp",
    "variables": {"tenant": {"isRequired": True, "description": "your tenant"}},
    "headers": [{"name": "Authorization", "value": "Bearer {key}", "variables": {"key": {"isSecret": True}}}],
}


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


def test_package_of_npm_with_secrets_as_variables(imported: Imported) -> None:
    assert imported(server(packages=[NPM])) == {
        "weather": {
            "command": "npx",
            "args": ["-y", "@modelcontextprotocol/server-brave-search@1.0.2"],
            "env": {"BRAVE_API_KEY": "${BRAVE_API_KEY}", "LOG_LEVEL": "info"},
        }
    }
    assert "set BRAVE_API_KEY (API key)" in imported.notes
    assert "left out: OTHER" in imported.notes


def test_package_of_pypi_with_arguments(imported: Imported) -> None:
    assert imported.package(
        registryType="pypi",
        identifier="weather-mcp",
        version="0.5.0",
        runtimeHint="uvx",
        runtimeArguments=[{"type": "named", "name": "--python", "value": "3.12"}],
        packageArguments=[
            {"type": "positional", "value": "serve"},
            {"type": "named", "name": "--units", "default": "celsius"},
            {"type": "named", "name": "--quiet", "value": ""},
            {"type": "named", "name": "--trace"},
            {"type": "positional", "valueHint": "city", "isRequired": True, "isRepeated": True},
        ],
    ) == {
        "command": "uvx",
        "args": ["--python", "3.12", "weather-mcp@0.5.0", "serve", "--units", "celsius", "--quiet", "${WEATHER_CITY}"],
    }
    assert "left out: WEATHER_TRACE" in imported.notes
    assert "city may be given several times" in imported.notes


def test_package_of_nuget(imported: Imported) -> None:
    arguments = [{"type": "positional", "value": "mcp"}, {"type": "positional", "value": "start"}]
    assert imported.package(
        registryType="nuget", identifier="Sample.Server", version="0.4.0-beta", packageArguments=arguments
    ) == {
        "command": "dnx",
        "args": ["Sample.Server@0.4.0-beta", "--yes", "--", "mcp", "start"],
    }


@pytest.mark.parametrize(
    ("fields", "image"),
    [
        ({"identifier": "docker.io/user/app:1.0.0"}, "docker.io/user/app:1.0.0"),
        ({"identifier": "user/app", "version": "1.0.0", "registryBaseUrl": "https://docker.io"}, "user/app:1.0.0"),
        ({"identifier": "user/app", "version": "2", "registryBaseUrl": "https://ghcr.io"}, "ghcr.io/user/app:2"),
        ({"identifier": "ghcr.io:443/user/app", "version": "1.0.0"}, "ghcr.io:443/user/app:1.0.0"),
        ({"identifier": "user/app@sha256:" + "a" * 64}, "user/app@sha256:" + "a" * 64),
    ],
)
def test_image_is_pinned(imported: Imported, fields: dict[str, Any], image: str) -> None:
    assert imported.package(registryType="oci", **fields) == {"image": image}


def test_variables_and_arguments_of_an_image(imported: Imported) -> None:
    found = imported.package(
        registryType="oci",
        identifier="user/app:1.0.0",
        runtimeArguments=[
            {"type": "named", "name": "-e", "value": "DB={db}", "variables": {"db": {"default": "pg"}}},
        ],
        packageArguments=[{"type": "positional", "value": "/project"}],
        environmentVariables=[{"name": "DB_PASSWORD", "isSecret": True}],
    )
    assert found == {
        "image": "user/app:1.0.0",
        "args": ["/project"],
        "env": {"DB": "pg", "DB_PASSWORD": "${DB_PASSWORD}"},
    }
    assert "set DB_PASSWORD, or remove it: it is optional" in imported.notes


def test_remote_with_variables(imported: Imported) -> None:
    assert imported(server(remotes=[REMOTE])) == {
        "weather": {
            "type": "http",
            "url": "https://${WEATHER_TENANT}.example.com/mcp",
            "headers": {"Authorization": "Bearer ${WEATHER_KEY}"},
        }
    }
    assert "set WEATHER_TENANT (your tenant)" in imported.notes
    assert "nobody has checked who runs the server" in imported.notes


def test_secret_header_without_a_value_is_a_variable(imported: Imported) -> None:
    remote = {"type": "sse", "url": "https://a.example/sse", "headers": [{"name": "X-API-Key", "isSecret": True}]}
    found = imported(server(remotes=[remote]), "--name", "other")["other"]
    assert found == {"type": "sse", "url": "https://a.example/sse", "headers": {"X-API-Key": "${OTHER_X_API_KEY}"}}


def test_way_is_chosen_by_number_and_the_others_are_named(imported: Imported) -> None:
    document = {"server": server(packages=[NPM], remotes=[REMOTE]), "_meta": {}}
    assert "command" in imported(document)["weather"]
    assert "used package 0; there is also remote 0" in imported.notes
    assert "url" in imported(document, "--remote", "0")["weather"]
    assert "it has no package 1" in imported.fault(document, "--package", "1")


def test_first_way_that_can_be_expressed_is_used(imported: Imported) -> None:
    bundle = {"registryType": "mcpb", "identifier": "https://a/x.mcpb", "version": "1.0.0"}
    assert "url" in imported(server(packages=[bundle], remotes=[REMOTE]))["weather"]


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
