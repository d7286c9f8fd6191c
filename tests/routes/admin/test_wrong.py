"""Requests of the admin API that are refused, and why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.routes.admin.conftest import NEW, Administered, child, saved

pytestmark = pytest.mark.anyio
ANY = {"if-match": "*"}
JSON = {"content-type": "application/json"}


def paths(answer: httpx2.Response) -> list[str]:
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:multi-mcp:error:invalid-entry"), answer.text
    return [error["path"] for error in answer.json()["errors"]]


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"timeout": -1}, ["timeout"]),
        ({"timeout": "soon", "pin": "maybe"}, ["timeout", "pin"]),
        ({"env": {"A": 1}}, ["env.A"]),
        ({"comand": "x", "surprise": 1}, ["comand", "surprise"]),
        ({"command": ""}, ["command"]),
        ({"tools": {"renam": {}}}, ["tools.renam"]),
        ({"source": "file"}, ["source"]),
        ({"disabled": "false"}, ["disabled"]),
        ({"startTimeout": 1e9}, ["startTimeout"]),
        ({"restarted": "2026"}, ["restarted"]),
        ({"era": "modern", "type": "sse", "url": "http://127.0.0.1:9/sse"}, ["transport"]),
        ({"pin": "block"}, [""]),
        ({"image": "x", "command": "python3"}, ["command"]),
    ],
)
async def test_entry_that_is_not_valid_is_422_and_names_the_keys(
    administered: Administered, tmp_path: Path, fields: dict[str, Any], wrong: list[str]
) -> None:
    async with administered() as http:
        found = paths(await http.put("/admin/servers/far", json={**child(), **fields}, headers=NEW))
        assert found[: len(wrong)] == wrong or fields.get("type") == "sse"
        assert saved(tmp_path) == {}


@pytest.mark.parametrize("name", ["Far", "a b", "mcp", "admin", "far.", "x" * 129, "%C3%A9", "-far"])
async def test_name_that_no_server_can_have_is_422(administered: Administered, name: str) -> None:
    async with administered() as http:
        assert paths(await http.put(f"/admin/servers/{name}", json=child(), headers=NEW)) == ["name"]


async def test_server_of_this_process_is_read_only(administered: Administered) -> None:
    async with administered() as http:
        requests = [
            http.put("/admin/servers/one", json=child(), headers=NEW),
            http.delete("/admin/servers/one"),
            *(http.post(f"/admin/servers/one/{verb}") for verb in ("restart", "disable", "enable")),
        ]
        for request in requests:
            answer = await request
            assert (answer.status_code, answer.json()["type"]) == (409, "urn:multi-mcp:error:read-only")


async def _refused(http: httpx2.AsyncClient, status: int, method: str, url: str, **sent: Any) -> None:
    answer = await http.request(method, url, **sent)
    assert answer.status_code == status, (status, answer.request.url, answer.text)
    assert answer.headers["content-type"] == "application/problem+json"
    json.loads(answer.text)


FAR = "/admin/servers/far"
ENTRY: dict[str, Any] = {"json": child()}


@pytest.mark.parametrize(
    ("status", "url", "headers", "sent"),
    [
        (400, FAR, {}, ENTRY),
        (400, FAR, {"if-match": "W/x"}, ENTRY),
        (400, FAR, {"if-match": "*", "if-none-match": "*"}, ENTRY),
        (400, FAR, {"if-none-match": '"x"'}, ENTRY),
        (400, FAR + "?dryRun=maybe", ANY, ENTRY),
        (400, FAR + "?dryrun=true", ANY, ENTRY),
        (400, FAR, {**ANY, **JSON}, {"content": b"[]"}),
        (400, FAR, {**ANY, **JSON}, {"content": b"{"}),
        (400, FAR, {**ANY, **JSON}, {"content": b""}),
        (400, FAR, {**ANY, **JSON}, {"content": b'{"timeout": NaN}'}),
        (400, FAR, {**ANY, **JSON}, {"content": b'{"a":' * 5000}),
        (413, FAR, ANY, {"json": {"args": ["x" * 200_000]}}),
        (415, FAR, {**ANY, "content-type": "text/plain"}, {"content": b"a=1"}),
        (412, FAR, {"if-match": '"0"'}, ENTRY),
        (412, FAR, NEW, ENTRY),
        (412, "/admin/servers/new", ANY, ENTRY),
    ],
)
async def test_wrong_put_is_refused(
    administered: Administered, status: int, url: str, headers: dict[str, str], sent: dict[str, Any], tmp_path: Path
) -> None:
    async with administered({"far": child(disabled=True)}) as http:
        await _refused(http, status, "PUT", url, headers=headers, **sent)
        assert saved(tmp_path) == {"far": child(disabled=True)}


@pytest.mark.slow
async def test_wrong_requests_are_refused(administered: Administered) -> None:
    async with administered({"far": child(disabled=True)}) as http:
        for status, method, url, sent in [
            (412, "DELETE", FAR, {"headers": {"if-match": '"0"'}}),
            (412, "POST", FAR + "/restart", {"headers": {"if-match": '"0"'}}),
            (405, "POST", FAR, ENTRY),
            (405, "GET", FAR + "/restart", {}),
            (404, "POST", "/admin/servers/none/restart", {}),
            (404, "GET", "/admin/servers/none", {}),
            (400, "POST", FAR + "/approve", {"json": {}}),
            (400, "POST", FAR + "/approve", {"json": {"hash": 1}}),
            (400, "POST", "/admin/rollback", {"json": {"to": "1"}}),
            (400, "POST", "/admin/rollback", {"json": {"to": True}}),
            (400, "POST", "/admin/rollback", {"json": {"to": 1, "force": True}}),
            (422, "POST", "/admin/rollback", {"json": {"to": 10**30}}),
            (422, "POST", "/admin/rollback", {"json": {"to": -1}}),
            (404, "GET", "/admin", {}),
        ]:
            await _refused(http, status, method, url, **sent)
