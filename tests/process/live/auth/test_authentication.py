"""Tests of keys that are created and revoked by the command while the router runs."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.keys import bearer
from tests.process.live.conftest import Start
from tests.process.live.router import ROOT, Router

pytestmark = pytest.mark.process
CALL = {"tool": "add", "arguments": {"a": 1, "b": 2}}
JSON = {"content-type": "application/json"}


def keys(path: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "gateway.auth", *arguments, "--file", str(path)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True).stdout.strip()


def status(router: Router, key: str) -> int:
    with router.sent("POST", "/math/mcp/call", {**JSON, **bearer(key)}, CALL) as answer:
        answer.read()
        return answer.status


def becomes(router: Router, key: str, expected: int) -> bool:
    """Waits a few seconds for the status, since the router checks the file once a second."""
    until = time.monotonic() + 10
    while status(router, key) != expected:
        assert time.monotonic() < until, router.log()
        time.sleep(0.2)
    return True


@pytest.mark.parametrize("workers", ["1", "2"])
def test_created_and_revoked_keys_take_effect_while_the_router_runs(start: Start, tmp_path: Path, workers: str) -> None:
    path = tmp_path / "keys.json"
    first = keys(path, "create", "--name", "first", "--scope", "*:*")
    router = start(MCP_AUTH_KEYS=str(path), WORKERS=workers).await_table()
    router.await_answer(router.port)
    assert becomes(router, first, 200)
    second = keys(path, "create", "--name", "second", "--scope", "*:*")
    assert becomes(router, second, 200)
    keys(path, "revoke", "first")
    assert becomes(router, first, 401)
    if workers == "1":
        good = path.read_text()
        path.write_text("{")
        assert becomes(router, second, 503)
        assert router.get("/health") == {"status": "ok"}
        path.write_text(good)
        assert becomes(router, second, 200)
    router.end()


@pytest.mark.parametrize("form", ["text", "json"])
def test_log_never_has_a_key(start: Start, tmp_path: Path, form: str) -> None:
    path = tmp_path / "keys.json"
    key = keys(path, "create", "--name", "ci", "--scope", "*:*")
    router = start(MCP_AUTH_KEYS=str(path), LOG_LEVEL="debug", LOG_FORMAT=form, LOG_ARGUMENTS="1").await_table()
    wrong = f"{key[:-1]}?"
    assert [status(router, one) for one in (key, wrong)] == [200, 401]
    with router.sent("GET", "/nothing", {"x-api-key": key}) as answer:
        assert answer.status == 404
    with router.sent("POST", "/math/mcp", {**JSON, **bearer(key)}, {"jsonrpc": "2.0"}) as answer:
        assert answer.status in (400, 406)
    with router.sent("GET", "/tools", {**bearer(key), "x-api-key": key}) as answer:
        assert answer.status == 400
    path.unlink()
    assert becomes(router, key, 503)
    router.end()
    log = router.log()
    assert key[4:] not in log
    assert key[13:] not in log
    assert wrong[13:] not in log
    assert "no API key is accepted" in log
    assert log.count({"text": "reason=unauthenticated", "json": '"reason": "unauthenticated"'}[form]) == 1
    if form == "json":
        assert all(json.loads(line) for line in log.splitlines())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"MCP_AUTH_KEYS": "none.json"},
            "MCP_AUTH_KEYS: none.json: cannot read the key file, no such file",
        ),
        ({"MCP_AUTH_ISSUER": "https://issuer.example.com"}, "MCP_AUTH_ISSUER needs MCP_AUTH_AUDIENCE"),
    ],
)
def test_invalid_auth_setting_ends_the_start_with_one_line(
    start: Start, settings: dict[str, str], message: str
) -> None:
    router = start(**settings)
    assert router.finished() == 1
    (line,) = router.log().splitlines()
    assert line.startswith(f"multi-mcp: {message}")
