"""Entries that name an image, with a client of containers that runs the peer instead."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import LoadError
from gateway.upstream.config import read_upstreams
from tests.clients import post
from tests.gateway.upstream.conftest import PEER, Serving, status, written

pytestmark = pytest.mark.anyio
CLIENT = """#!{python} -IS
import json, os, sys
with open({record!r} + "." + sys.argv[1], "w") as file:
    json.dump([sys.argv[1:], dict(os.environ)], file)
if sys.argv[1] == "run":
    os.execv({python!r}, [{python!r}, "-IS", {peer!r}])
"""
ALWAYS = ["run", "--rm", "-i", "--init", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--pull", "never"]


@pytest.fixture
def record(tmp_path: Path) -> Path:
    return tmp_path / "record.json"


def install(monkeypatch: pytest.MonkeyPatch, record: Path, program: str) -> None:
    """Puts a client of this name, and no other one, on the path."""
    folder = record.parent / "bin"
    folder.mkdir()
    (folder / program).write_text(CLIENT.format(python=sys.executable, record=str(record), peer=str(PEER)))
    (folder / program).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))


def recorded(record: Path, command: str = "run") -> tuple[list[str], dict[str, str]]:
    """Returns the arguments and the environment of the last such command."""
    arguments, environ = json.loads(record.with_suffix(f".json.{command}").read_text())
    return arguments, environ


@pytest.mark.parametrize("program", ["docker", "podman"])
@pytest.mark.slow
async def test_image_runs_in_a_container_that_may_do_little(
    serving: Serving, record: Path, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    install(monkeypatch, record, program)
    for name, value in {"TAG": "7", "SECRET": "s3cret", "ALSO": "s4cret", "DOCKER_HOST": "unix:///x"}.items():
        monkeypatch.setenv(name, value)
    child: dict[str, Any] = {"image": "mcp/time:${TAG}", "args": ["--zone", "UTC"], "maxMemory": "256 MiB"}
    child |= {"env": {"KEY": "${SECRET}", "PATH": "/opt/bin"}, "inheritEnv": ["ALSO"], "cwd": "/srv"}
    async with serving(one=child) as http:
        assert (await post(http, "add", {"a": 1, "b": 2})).json() == {"result": 3}
    arguments, environ = recorded(record)
    name = arguments.pop(arguments.index("--name") + 1)
    assert re.fullmatch("multi-mcp-[0-9a-f]{16}", name)
    limits = ["--memory", f"{256 * 1024 * 1024}b", "--workdir", "/srv"]
    variables = ["-e", "ALSO", "-e", "KEY", "-e", "PATH"]
    assert arguments == [*ALWAYS, "--name", *limits, *variables, "mcp/time:7", "--zone", "UTC"]
    assert (environ["KEY"], environ["ALSO"], environ["DOCKER_HOST"]) == ("s3cret", "s4cret", "unix:///x")
    assert "SECRET" not in environ
    assert [each.name for each in record.parent.glob("record*")] == ["record.json.run"]


@pytest.mark.slow
async def test_container_whose_client_had_to_be_killed_is_removed(
    serving: Serving, record: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, record, "docker")
    async with serving(one={"image": "mcp/time", "env": {"PEER": "stubborn"}}) as http:
        assert (await post(http, "add", {"a": 1, "b": 2})).json() == {"result": 3}
    run, _ = recorded(record)
    assert recorded(record, "rm")[0] == ["rm", "-f", run[run.index("--name") + 1]]


@pytest.mark.parametrize(
    ("image", "reason"), [("mcp/time", "neither docker nor podman is installed"), ("--privileged", "not the name")]
)
async def test_image_that_cannot_run_says_why(
    serving: Serving, record: Path, monkeypatch: pytest.MonkeyPatch, image: str, reason: str
) -> None:
    install(monkeypatch, record, "other" if image == "mcp/time" else "docker")
    async with serving(one={"image": image}) as http:
        assert reason in (await status(http, "failing"))["reason"]
    assert [*record.parent.glob("record*")] == []


@pytest.mark.parametrize(
    ("child", "reason"),
    [
        ({"image": "a", "command": "b"}, "'command' and 'image' exclude each other"),
        ({"image": "a", "maxMemory": "lots"}, "maxMemory: could not parse"),
        ({"command": "a", "maxMemory": 10}, "maxMemory: Input should be greater"),
        ({"url": "http://a/mcp", "image": "b"}, "are for child processes"),
        ({"url": "http://a/mcp", "maxMemory": "1 GiB"}, "are for child processes"),
    ],
)
def test_wrong_entry_is_refused(tmp_path: Path, child: dict[str, Any], reason: str) -> None:
    with pytest.raises(LoadError, match=reason):
        read_upstreams(Path(written(tmp_path, {"one": child})))
