"""`python -m gateway.upstream import`: entries of the MCP registry become entries of the file of servers."""

from __future__ import annotations

from typing import Any

import pytest

from tests.gateway.upstream.published.conftest import Imported, server

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
