"""Runs the code blocks of README.md and docs/ and compares what they print with the text. `…` stands for any text."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import anyio
import pytest
from mcp import Client

from tests.docs.pages import Command, Section, blocks, commands, sections
from tests.examples.open_meteo import OpenMeteo
from tests.examples.serving import served
from tests.process.live.router import ROOT, Router
from tests.process.live.shell import Shell
from tests.shipped import shipped

pytestmark = pytest.mark.process
NOT_RUN = ("make", "docker", "pip", "cp", "OPENAI_API_KEY=…")
"""Programs whose commands tests/docs/test_pages.py or the tutorial's test check."""
RUN = [
    section
    for section in sections()
    if any(command.program not in NOT_RUN for command in section.commands) or section.has_own_settings
]
SCRIPTS = [block for block in blocks("python") if "print(" in block]


def settings_of(command: Command, folder: Path) -> dict[str, str]:
    """Returns the settings on a `make run` line. Files that were written before it are in the reader's folder."""
    settings = dict(word.split("=", 1) for word in shlex.split(command.line)[2:] if "=" in word)
    return {name: str(folder / value) if (folder / value).is_file() else value for name, value in settings.items()}


def matches(printed: str, expected: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, expected.split("…"))), printed) is not None


@pytest.fixture(scope="module")
def router(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Router]:
    with Router(tmp_path_factory.mktemp("docs"), MCP_SERVERS_DIR=shipped()) as router:
        yield router.await_table()


def start(command: Command, folder: Path, stack: ExitStack) -> int:
    """Starts the router of a `make run` line; returns its port."""
    router = Router(folder, **{"MCP_SERVERS_DIR": shipped(), **settings_of(command, folder)})
    port = stack.enter_context(router).await_table().port
    log = command.line.partition("2>")[2]
    if log and not (folder / log).exists():
        (folder / log).symlink_to("stderr")
    return port


@pytest.mark.parametrize("section", RUN, ids=str)
def test_commands_of_a_section_print_what_it_shows(section: Section, router: Router, tmp_path: Path) -> None:
    """Runs the section's commands in one shell; a `make run` with settings starts a router for those after it."""
    port = router.port
    with ExitStack() as stack:
        shell = stack.enter_context(Shell(tmp_path, PYTHONPATH=str(ROOT)))
        for command in section.commands:
            if re.match(r"make run [A-Z]", command.line):
                port = start(command, tmp_path, stack)
            elif command.program not in NOT_RUN and "/weather/" not in command.line:
                line = command.line.replace(".venv/bin/python", sys.executable)
                printed = shell.run(line.replace("localhost:8000", f"localhost:{port}"))
                assert matches(printed, command.output), f"{command.line}\n{printed}"


def test_tutorial_adds_a_server(tmp_path: Path) -> None:
    shutil.copytree(shipped(), tmp_path / "mcp_servers")
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    (copy,) = commands("cp")
    subprocess.run(copy.line.split(), cwd=tmp_path, check=True)
    (call,) = [command for command in commands("curl") if "/weather/" in command.line]
    with ExitStack() as stack:
        service = OpenMeteo(lambda app: stack.enter_context(served(app)))
        service.forget()
        urls = {"WEATHER_GEOCODING_URL": service.url, "WEATHER_FORECAST_URL": service.url}
        router = Router(tmp_path, MCP_SERVERS_DIR=str(tmp_path / "mcp_servers"), **urls)
        port = stack.enter_context(router).await_table().port
        printed = stack.enter_context(Shell(tmp_path)).run(call.line.replace("localhost:8000", f"localhost:{port}"))
    assert matches(printed, call.output), printed


@pytest.mark.parametrize("script", SCRIPTS)
def test_python_block_prints_what_its_comment_says(router: Router, script: str) -> None:
    script = script.replace("localhost:8000", f"localhost:{router.port}")
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == re.findall(r"# (.*)", script)[-1]


def test_endpoints_of_the_client_configuration_answer(router: Router) -> None:
    (snippet,) = [block for block in blocks("json") if "localhost:8000" in block]

    async def tools(url: str) -> int:
        async with Client(url.replace("localhost:8000", f"localhost:{router.port}")) as client:
            return len((await client.list_tools()).tools)

    urls = [server["url"] for server in json.loads(snippet)["mcpServers"].values()]
    assert [anyio.run(tools, url) for url in urls] == [2, 4]
