"""Every block of the README is run, and every table compared with what it tells of."""

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

from routes.errors import TABLE
from tests.examples.open_meteo import OpenMeteo
from tests.examples.serving import served
from tests.process.live.router import ROOT, Router
from tests.process.live.shell import Shell

pytestmark = pytest.mark.process
README = (ROOT / "README.md").read_text(encoding="utf-8")
SECTIONS = re.split(r"^(?=##+ )", README, flags=re.MULTILINE)
OWN = [section for section in SECTIONS if re.search(r"^\$ make run [A-Z]", section, re.MULTILINE)]
"""Sections whose router has settings of its own."""
PLAIN = "".join(section for section in SECTIONS if section not in OWN)
BLOCKS = [(match[1], match[2]) for match in re.finditer(r"^```(\w+)\n(.*?)^```", README, re.MULTILINE | re.DOTALL)]


def blocks(language: str) -> list[str]:
    return [block for of, block in BLOCKS if of == language]


def commands(text: str, *first_words: str) -> list[tuple[str, str]]:
    """Each command of the console blocks, or each that begins so, and what the README says that it prints."""
    shown = "".join(re.findall(r"^```console\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
    found = [part.partition("\n") for part in re.split(r"^\$ ", shown, flags=re.MULTILINE)[1:]]
    return [
        (command, said.strip()) for command, _, said in found if not first_words or command.split()[0] in first_words
    ]


def given(command: str, folder: Path) -> dict[str, str]:
    """The settings on a make line; a file is in the reader's folder."""
    settings = dict(word.split("=", 1) for word in shlex.split(command)[2:] if "=" in word)
    return {name: str(folder / value) if name == "MCP_AUTH_KEYS" else value for name, value in settings.items()}


def printed_by(command: str, folder: Path, router: Router) -> str:
    command = command.replace("localhost:8000", f"localhost:{router.port}")
    done = subprocess.run(["bash", "-c", command], cwd=folder, capture_output=True, text=True, timeout=30, check=True)
    return done.stdout.strip()


def is_as_said(printed: str, said: str) -> bool:
    """`…` stands for anything."""
    return re.fullmatch(".*".join(map(re.escape, said.split("…"))), printed) is not None


@pytest.fixture(scope="module")
def router(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Router]:
    with Router(tmp_path_factory.mktemp("readme"), MCP_SERVERS_DIR="mcp_servers") as router:
        yield router.await_table()


def test_every_block_is_of_a_kind_that_is_run_here() -> None:
    assert {language for language, _ in BLOCKS} == {"console", "javascript", "json", "python"}
    said = {command.split()[0] for block in blocks("console") for command in re.findall(r"^\$ (.*)", block, re.M)}
    assert said == {
        *("make", "curl", "cp", "docker", "pip", "OPENAI_API_KEY=…"),
        *("KEY=$(.venv/bin/python", ".venv/bin/python", "sleep"),
    }


@pytest.mark.parametrize("section", OWN, ids=lambda section: section.partition("\n")[0])
def test_a_section_of_its_own_settings_goes_as_it_says(section: str, tmp_path: Path) -> None:
    """From its first command to its last, in one shell, beside a router with the settings of its `make run`."""
    port = 0
    with ExitStack() as stack:
        shell = stack.enter_context(Shell(tmp_path, PYTHONPATH=str(ROOT)))
        for command, said in commands(section):
            if command.startswith("make run "):
                router = stack.enter_context(
                    Router(tmp_path, **{"MCP_SERVERS_DIR": "mcp_servers", **given(command, tmp_path)})
                )
                port = router.await_table().port
                if (log := command.partition("2>")[2]) and not (tmp_path / log).exists():
                    (tmp_path / log).symlink_to("stderr")
            else:
                meant = command.replace(".venv/bin/python", sys.executable)
                printed = shell.run(meant.replace("localhost:8000", f"localhost:{port}"))
                assert is_as_said(printed, said), f"{command}\n{printed}"


def test_the_tutorial_adds_a_server(tmp_path: Path) -> None:
    for folder in ("mcp_servers", "examples"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    ((copy, _),) = commands(README, "cp")
    subprocess.run(copy.split(), cwd=tmp_path, check=True)
    ((call, said),) = [pair for pair in commands(PLAIN, "curl") if "weather" in pair[0]]
    with ExitStack() as stack:
        service = OpenMeteo(lambda app: stack.enter_context(served(app)))
        service.forget()
        asked = {"WEATHER_GEOCODING_URL": service.url, "WEATHER_FORECAST_URL": service.url}
        router = stack.enter_context(Router(tmp_path, MCP_SERVERS_DIR=str(tmp_path / "mcp_servers"), **asked))
        printed = printed_by(call, tmp_path, router.await_table())
    assert is_as_said(printed, said), printed


def test_the_files_shown_are_the_files_there_are() -> None:
    shown = {match[1]: match[2] for block in blocks("python") if (match := re.match(r"# (\S+)\n(.*)", block, re.S))}
    assert set(shown) == {"mcp_servers/echo_server.py", "mcp_servers/echo_tools.py"}
    for name, source in shown.items():
        assert source.strip() in (ROOT / name).read_text(encoding="utf-8")
    (marked,) = [block for block in blocks("python") if "@mcp.tool" in block]
    assert marked.removesuffix(" ...\n") in (ROOT / "examples" / "dice" / "dice_server.py").read_text(encoding="utf-8")


@pytest.mark.parametrize("script", [block for block in blocks("python") if "print(" in block])
def test_python_prints_what_its_comment_says(router: Router, script: str) -> None:
    script = script.replace("localhost:8000", f"localhost:{router.port}")
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == re.findall(r"# (.*)", script)[-1]


def test_the_clients_snippet_names_endpoints_that_answer(router: Router) -> None:
    (snippet,) = blocks("json")

    async def tools(url: str) -> int:
        async with Client(url.replace("localhost:8000", f"localhost:{router.port}")) as client:
            return len((await client.list_tools()).tools)

    urls = [server["url"] for server in json.loads(snippet)["mcpServers"].values()]
    assert [anyio.run(tools, url) for url in urls] == [2, 4]


@pytest.mark.parametrize(("command", "said"), commands(README, "make"))
def test_make_knows_the_command(command: str, said: str) -> None:
    assert said == ""
    subprocess.run(
        ["make", "-n", *shlex.split(command.partition(" 2>")[0])[1:]], cwd=ROOT, capture_output=True, check=True
    )


def test_docker_is_told_what_the_dockerfile_has() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    said = [command for command, _ in commands(README, "docker")]
    assert len(said) == 3
    assert all("-p 8000:8000" in command and command.endswith(" multi-mcp") for command in said)
    assert "PORT=8000" in dockerfile
    assert "WORKDIR /app" in dockerfile
    assert "/app/mcp_servers:ro" in said[1]
    assert "/servers:ro -e MCP_SERVERS_DIR=mcp_servers:/servers" in said[2]


def test_the_agents_command_is_the_one_that_the_agent_tells() -> None:
    told = (ROOT / "examples" / "agent.py").read_text(encoding="utf-8").replace("...", "…")
    for command, _ in commands(PLAIN, "pip", "OPENAI_API_KEY=…"):
        assert command in told


def test_the_table_of_errors_is_the_one_that_is_answered() -> None:
    rows = re.findall(r"^\| (\d{3}) \| `([a-z-]+)` \|", README, re.MULTILINE)
    assert [(int(status), slug) for status, slug in rows] == [(status, slug) for slug, (status, _) in TABLE.items()]
