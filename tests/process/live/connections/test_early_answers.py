"""Real clients whose request is refused while they send its body: each receives the answer, and no reset."""

from __future__ import annotations

import http.client
import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.process.live.conftest import Start
from tests.process.live.router import Router

pytestmark = pytest.mark.process

LIMIT = 4 * 1024 * 1024
SIZES = (LIMIT + 1, 30_000_000)
JSON = {"content-type": "application/json"}
OUTPUT: dict[str, Any] = {"capture_output": True, "text": True, "timeout": 60}
FETCH = """
const [url, size] = process.argv.slice(1);
const init = {method: "POST", headers: {"content-type": "application/json"}, body: "x".repeat(Number(size))};
const answer = await fetch(url, init);
console.log(answer.status, (await answer.json()).status);
"""

Send = Callable[[str, int, Path], tuple[int, int]]
"""Posts as many bytes, and returns the status of the answer and that in its document."""


def by_http_client(url: str, size: int, folder: Path) -> tuple[int, int]:
    host, _, path = url.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(host, timeout=30)
    connection.request("POST", f"/{path}", b"x" * size, JSON)
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())["status"]


def by_requests(url: str, size: int, folder: Path) -> tuple[int, int]:
    answer = requests.post(url, data=b"x" * size, headers=JSON, timeout=30)
    return answer.status_code, answer.json()["status"]


def by_chunks(url: str, size: int, folder: Path) -> tuple[int, int]:
    pieces = (b"x" * min(50_000, size - start) for start in range(0, size, 50_000))
    answer = requests.post(url, data=pieces, headers=JSON, timeout=30)
    return answer.status_code, answer.json()["status"]


def by_fetch(url: str, size: int, folder: Path) -> tuple[int, int]:
    command = ["node", "--input-type=module", "--eval", FETCH, url, str(size)]
    done = subprocess.run(command, check=True, **OUTPUT)
    status, told = done.stdout.split()
    return int(status), int(told)


def by_curl(*options: str) -> Send:
    def send(url: str, size: int, folder: Path) -> tuple[int, int]:
        body = folder / "body"
        body.write_bytes(b"x" * size)
        command = ["curl", "-sS", "-w", "\n%{http_code}", "-H", "Content-Type: application/json", *options]
        done = subprocess.run([*command, "--data-binary", f"@{body}", url], check=False, **OUTPUT)
        assert done.returncode == 0, done.stderr
        document, _, status = done.stdout.rpartition("\n")
        return int(status), json.loads(document)["status"]

    return send


CLIENTS: dict[str, Send] = {
    "http.client": by_http_client,
    "requests": by_requests,
    "requests, in chunks": by_chunks,
    "fetch of Node": by_fetch,
    "curl": by_curl(),
    "curl without Expect": by_curl("-H", "Expect:"),
    "curl with Expect": by_curl("-H", "Expect: 100-continue"),
}


@pytest.fixture(scope="module")
def router(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Router]:
    with Router(tmp_path_factory.mktemp("router"), SERVERS="math") as running:
        yield running.await_table()


@pytest.mark.parametrize("name", CLIENTS)
def test_client_that_sends_too_much_receives_413(router: Router, tmp_path: Path, name: str) -> None:
    if name == "fetch of Node" and shutil.which("node") is None:
        pytest.skip("needs Node")
    found = [CLIENTS[name](f"http://127.0.0.1:{router.port}/math/mcp/call", size, tmp_path) for size in SIZES]
    assert found == [(413, 413)] * len(SIZES)


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/nope/nope", JSON, 404),
        ("/tools", JSON, 405),
        ("/math/mcp/call", {"content-type": "text/plain"}, 415),
        ("/math/mcp/call", {**JSON, "accept": "image/png"}, 406),
        ("/math/mcp/call", {**JSON, "host": "evil.example"}, 421),
        ("/math/mcp/call", {**JSON, "origin": "https://evil.example"}, 403),
    ],
)
def test_every_early_answer_arrives(router: Router, path: str, headers: dict[str, str], status: int) -> None:
    for size in (1000, LIMIT, 30_000_000):
        connection = router.connection()
        connection.request("POST", path, b"x" * size, headers)
        assert connection.getresponse().status in (status, 413 if size > LIMIT else status)
        connection.close()


def test_refusal_of_a_credential_arrives(start: Start, tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    keys.write_text('{"keys": []}')
    keys.chmod(0o600)
    router = start(SERVERS="math", MCP_AUTH_KEYS=str(keys)).await_table()
    for path in ("/math/mcp/call", "/math/mcp"):
        assert by_http_client(f"http://127.0.0.1:{router.port}{path}", 30_000_000, tmp_path) == (401, 401)


def test_native_endpoint_refuses_what_is_too_large(router: Router) -> None:
    for size in SIZES:
        connection = router.connection()
        connection.request("POST", "/math/mcp", b"x" * size, JSON)
        assert connection.getresponse().status == 413
        connection.close()
