"""The file of upstream servers: the forms that other programs write, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import LoadError
from gateway.upstream.config import read_upstreams
from tests.conftest import MakeApp, server_of


def written(folder: Path, document: Any) -> Path:
    path = folder / "mcp.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


def add(a: int, b: int) -> int:
    return a + b


@pytest.mark.parametrize("key", ["mcpServers", "servers", None])
def test_files_of_claude_cursor_and_vs_code_are_read(tmp_path: Path, key: str | None) -> None:
    entries = {
        "GitHub": {"command": "npx", "args": ["-y", "server"], "env": {"A": "b"}, "alwaysAllow": ["x"]},
        "Brave Search": {"url": "https://x.example/mcp", "headers": {"A": "b"}},
        "events": {"url": "http://127.0.0.1:7000/sse"},
        "named": {"type": "streamable-http", "url": "http://127.0.0.1/mcp"},
        "older": {"transport": "sse", "url": "http://127.0.0.1/x"},
        "off": {"command": "x", "disabled": True},
    }
    found = read_upstreams(written(tmp_path, {key: entries} if key else entries))
    kinds = {name: upstream.type for name, upstream in found.items()}
    assert kinds == {"github": "stdio", "brave-search": "http", "events": "sse", "named": "http", "older": "sse"}
    assert found["github"].args == ("-y", "server")


AUTH = {"type": "clientCredentials", "clientId": "secret", "clientSecret": "secret"}
REFUSED = {
    "not json": ("{", "not JSON"),
    "a list": ([], "expected {"),
    "an entry that is no object": ({"mcpServers": {"a": 1}}, "server 'a': expected an object"),
    "nothing to start": ({"mcpServers": {"a": {}}}, "server 'a': 'command' is missing"),
    "no url": ({"mcpServers": {"a": {"type": "http"}}}, "'url' is missing"),
    "another type": ({"mcpServers": {"a": {"type": "pigeon", "url": "x"}}}, "server 'a': type: "),
    "wrong value": ({"mcpServers": {"a": {"command": "x", "startTimeout": "secret"}}}, "server 'a': startTimeout: "),
    "wrong rule": ({"mcpServers": {"a": {"command": "x", "tools": {"includes": []}}}}, "server 'a': tools.includes: "),
    "process of a URL": ({"mcpServers": {"a": {"url": "http://x", "process": "caller"}}}, "are for child processes"),
    "another process": ({"mcpServers": {"a": {"command": "x", "process": "tool"}}}, "server 'a': process: "),
    "a caller in a URL": ({"mcpServers": {"a": {"url": "http://x/${caller.id}"}}}, "may only be in 'env', 'args'"),
    "a caller in a program": (
        {"mcpServers": {"a": {"command": "secret/${caller.id:-x}"}}},
        "server 'a': ${caller.id} may only be in 'env', 'args' and 'cwd'",
    ),
    "a caller of all": (
        {"mcpServers": {"a": {"command": "x", "env": {"A": "${caller.id}"}, "process": "shared"}}},
        "server 'a': 'process' is 'shared', and ${caller.id} names one caller",
    ),
    "no process": ({"mcpServers": {"a": {"command": "x", "maxProcesses": 0}}}, "server 'a': maxProcesses: "),
    "another way to a token": (
        {"mcpServers": {"a": {"url": "x", "auth": {"type": "secret", "clientId": "x"}}}},
        "server 'a': auth.type: Input should be 'clientCredentials' or 'tokenExchange'",
    ),
    "no client": (
        {"mcpServers": {"a": {"url": "x", "auth": {"type": "tokenExchange"}}}},
        "server 'a': auth.clientId: Field required",
    ),
    "no secret": (
        {"mcpServers": {"a": {"url": "x", "auth": {"type": "clientCredentials", "clientId": "x"}}}},
        "server 'a': auth.clientSecret: Field required, or auth.privateKeyFile",
    ),
    "a secret and a key": (
        {"mcpServers": {"a": {"url": "x", "auth": AUTH | {"privateKeyFile": "secret"}}}},
        "server 'a': auth.clientSecret and auth.privateKeyFile exclude each other",
    ),
    "the id of no key": (
        {"mcpServers": {"a": {"url": "x", "auth": AUTH | {"keyId": "secret"}}}},
        "server 'a': auth.privateKeyFile is missing",
    ),
    "an algorithm with a shared key": (
        {"mcpServers": {"a": {"url": "x", "auth": AUTH | {"algorithm": "HS256"}}}},
        "server 'a': auth.algorithm: Input should be",
    ),
    "a wrong field of auth": (
        {"mcpServers": {"a": {"url": "x", "auth": {**AUTH, "tokenURL": "secret"}}}},
        "server 'a': auth.tokenURL: ",
    ),
    "auth that is no object": ({"mcpServers": {"a": {"url": "x", "auth": "secret"}}}, "server 'a': auth: "),
    "auth of a child": ({"mcpServers": {"a": {"command": "x", "auth": AUTH}}}, "'auth' is for servers with a URL"),
    "token of a child": ({"mcpServers": {"a": {"command": "x", "tokenFile": "x"}}}, "'tokenFile' is for servers"),
    "two tokens": (
        {"mcpServers": {"a": {"url": "x", "auth": AUTH, "tokenFile": "secret"}}},
        "server 'a': 'auth' and 'tokenFile' exclude each other",
    ),
    "a token and a header": (
        {"mcpServers": {"a": {"url": "x", "tokenFile": "x", "headers": {"authorization": "secret"}}}},
        "server 'a': 'tokenFile' and 'headers.authorization' exclude each other",
    ),
    "an era that the transport has not": (
        {"mcpServers": {"a": {"url": "http://secret/sse", "era": "modern"}}},
        "server 'a': the transport 'sse' is of the era of sessions",
    ),
    "no name": ({"mcpServers": {"!": {"command": "x"}}}, "'!' cannot be the name"),
    "reserved name": ({"mcpServers": {"health": {"command": "x"}}}, "'health' cannot be the name"),
    "same name": (
        {"mcpServers": {"a b": {"command": "x"}, "A-B": {"command": "x"}}},
        "would be named 'a-b'",
    ),
}


@pytest.mark.parametrize(("document", "reason"), REFUSED.values(), ids=REFUSED)
def test_wrong_file_is_refused_without_its_values(tmp_path: Path, document: Any, reason: str) -> None:
    with pytest.raises(LoadError) as raised:
        read_upstreams(written(tmp_path, document))
    assert reason in str(raised.value)
    assert "secret" not in str(raised.value)


def test_missing_file_is_refused(tmp_path: Path, make_app: MakeApp) -> None:
    with pytest.raises(LoadError, match=r"MCP_SERVERS_FILE.*No such file"):
        make_app(servers_file=str(tmp_path / "none.json"))


def test_unknown_key_is_named_with_the_nearest_one(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    read_upstreams(written(tmp_path, {"mcpServers": {"a": {"command": "x", "arg": [], "timeout": 60_000}}}))
    assert "the key 'arg' is not known, and is ignored; did you mean 'args'?" in caplog.messages[0]
    assert "60000 is taken for milliseconds" in caplog.messages[1]


def test_name_of_a_file_of_this_process_is_taken(tmp_path: Path, make_app: MakeApp) -> None:
    path = written(tmp_path, {"mcpServers": {"one": {"command": "x"}, "two": {"command": "x"}}})
    with pytest.raises(LoadError, match="'one' is taken"):
        make_app(server_of(add), servers_file=str(path), servers=())
    app = make_app(server_of(add), servers_file=str(path), servers=("two",))
    assert [server.name for server in app.state.registry] == ["two"]
