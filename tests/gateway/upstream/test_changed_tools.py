"""A call that has found its tool, and runs when its entry has changed meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.errors import UnknownTool
from tests.calls import make_call
from tests.conftest import MakeApp
from tests.gateway.upstream.changing import Changed
from tests.gateway.upstream.conftest import entry, status, written
from tests.transport import opened

pytestmark = pytest.mark.anyio


async def test_call_runs_the_tool_of_its_name_at_the_changed_server_and_none_that_is_hidden_there(
    make_app: MakeApp, tmp_path: Path
) -> None:
    app = make_app(servers_file=written(tmp_path, {"one": entry()}), follow=True)
    async with opened(app) as http:
        await status(http)
        server = app.state.registry["one"]
        echo, add = server.find("echo"), server.find("add_tool")
        await Changed(http, tmp_path).to(
            entry(tools={"rename": {"long": "echo", "echo": "said"}, "exclude": ["add_*"]})
        )
        arguments = {"size": 3, "message": "no"}
        result = await server.call(make_call("echo", arguments, server="one", entry=echo))
        assert result.body == b'{"result":"xxx"}'
        with pytest.raises(UnknownTool):
            await server.call(make_call("add_tool", {"a": 1, "b": 2}, server="one", entry=add))
