"""Servers that open when they are tried, and not when they are served; and servers with several instances."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from tests.clients import post
from tests.gateway.upstream.http.peer import Asked, modern, serving
from tests.ports import free_port
from tests.routes.admin.conftest import NEW, Administered, child, saved

pytestmark = pytest.mark.anyio
ADD = {"a": 1, "b": 2}


async def tools(asked: Asked) -> None:
    if asked.rpc == "tools/list":
        asked.result({"tools": [{"name": "echo", "inputSchema": {"type": "object"}}]})
    else:
        asked.result({"content": [{"type": "text", "text": "here"}]})


@pytest.mark.slow
async def test_change_that_opens_only_when_it_is_tried_is_undone_and_not_tried_again(
    administered: Administered, tmp_path: Path
) -> None:
    lists = 0

    async def once(asked: Asked) -> None:
        nonlocal lists
        lists += 1
        if lists == 1:
            await tools(asked)
        else:
            asked.error(-32603, "not now")

    async with serving(modern(once)) as peer, administered({"far": child()}) as http:
        assert (await post(http, "add", ADD, server="far")).json() == {"result": 3}
        tag = (await http.get("/admin/servers/far")).headers["etag"]
        answer = await http.put("/admin/servers/far", json={"url": peer.url}, headers={"if-match": tag})
        assert answer.status_code == 502, answer.text
        assert saved(tmp_path) == {"far": child()}
        asked = lists
        await anyio.sleep(1.5)  # more than the pause before a change is tried again
        assert lists == asked
        assert (await http.get("/admin/servers/far")).json()["state"] == "ready"
        assert (await post(http, "add", ADD, server="far")).json() == {"result": 3}


@pytest.mark.slow
async def test_forced_change_is_served_once_it_opens(administered: Administered) -> None:
    port = free_port()
    async with administered({"far": child()}) as http:
        assert (await post(http, "add", ADD, server="far")).status_code == 200
        tag = (await http.get("/admin/servers/far")).headers["etag"]
        body = {"url": f"http://127.0.0.1:{port}/mcp"}
        answer = await http.put("/admin/servers/far?force=1", json=body, headers={"if-match": tag})
        assert (answer.status_code, answer.json()["state"]) == (200, "stale"), answer.text
        async with serving(modern(tools), port=port):
            assert (await http.post("/admin/reload")).json() == {"failed": {}}
            assert (await http.get("/admin/servers/far")).json()["state"] == "ready"
            assert (await post(http, "echo", {}, server="far")).json() == {"result": "here"}


@pytest.mark.slow
async def test_server_with_instances_is_registered_if_one_of_them_opens(
    administered: Administered, tmp_path: Path
) -> None:
    async with serving(modern(tools)) as peer, administered() as http:
        body = {"instances": [f"http://127.0.0.1:{free_port()}/mcp", peer.url]}
        answer = await http.put("/admin/servers/far", json=body, headers=NEW)
        assert (answer.status_code, answer.json()["tools"]) == (201, ["echo"]), answer.text
        assert [each["state"] for each in answer.json()["instances"]][1] == "ready"
        assert saved(tmp_path)["far"] == {**body, "source": "api"}
        assert (await post(http, "echo", {}, server="far")).json() == {"result": "here"}


async def test_each_instance_is_judged(administered: Administered) -> None:
    async with serving(modern(tools)) as peer, administered(admin_networks=()) as http:
        body = {"instances": ["http://1.1.1.1/mcp", peer.url]}
        answer = await http.put("/admin/servers/far", json=body, headers=NEW)
        assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, "instances.1"), answer.text
