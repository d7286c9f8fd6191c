"""The pages agree with the code, and every link on them leads somewhere. Their commands run in tests/process/live."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from routes.errors import TABLE
from tests.docs.pages import PAGES, README, ROOT, Command, anchors, blocks, commands, links, sections, text_of

MAX_README_SIZE = 12 * 1024
PROGRAMS = {
    "make",
    "curl",
    "cp",
    "docker",
    "pip",
    "OPENAI_API_KEY=…",
    "KEY=$(.venv/bin/python",
    ".venv/bin/python",
    "sleep",
    "echo",
}
FIRST_SCREEN = [
    "# Multi-MCP",
    "Many MCP servers behind one small Starlette application, each reachable as native MCP by agents and as plain JSON "
    "by everything else.",
    "```console\n$ make run\n```",
    "```console\n$ curl -s localhost:8000/math/mcp/call -H 'Content-Type: application/json' "
    """-d '{"tool": "add_tool", "arguments": {"a": 10, "b": 32}}'\n{"result":42}\n```""",
]


def test_readme_is_short_and_starts_with_a_call() -> None:
    assert README.stat().st_size <= MAX_README_SIZE
    assert text_of(README).split("\n\n")[: len(FIRST_SCREEN)] == FIRST_SCREEN


@pytest.mark.parametrize("page", [*PAGES, ROOT / "SECURITY.md"], ids=lambda page: page.name)
def test_every_link_resolves(page: Path) -> None:
    for link in links(page):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_readme_links_to_every_page() -> None:
    linked = {link.partition("#")[0] for link in links(README)}
    assert [page.name for page in PAGES if page != README and f"docs/{page.name}" not in linked] == []
    assert "docs/urls-and-errors.md#errors" in links(README)


def test_every_code_block_is_of_a_tested_kind() -> None:
    assert {language for section in sections() for language, _ in section.blocks} == {
        *("console", "javascript", "json", "python")
    }
    assert {command.program for section in sections() for command in section.commands} == PROGRAMS


@pytest.mark.parametrize("command", commands("make"), ids=lambda command: command.line)
def test_make_command_exists(command: Command) -> None:
    assert command.output == ""
    words = shlex.split(command.line.partition(" 2>")[0])
    subprocess.run(["make", "-n", *words[1:]], cwd=ROOT, capture_output=True, check=True)


def test_docker_commands_match_the_dockerfile() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    lines = list(dict.fromkeys(command.line for command in commands("docker") if "docker run" in command.line))
    assert len(lines) == 3
    assert all("-p 8000:8000" in line and line.endswith(" multi-mcp") for line in lines)
    assert "PORT=8000" in dockerfile
    assert "WORKDIR /app" in dockerfile
    assert "/app/mcp_servers:ro" in lines[1]
    assert "/servers:ro -e MCP_SERVERS_DIR=mcp_servers:/servers" in lines[2]


def test_agent_commands_are_those_of_the_example() -> None:
    example = (ROOT / "examples" / "agent.py").read_text(encoding="utf-8").replace("...", "…")
    lines = [command.line for command in commands("pip", "OPENAI_API_KEY=…")]
    assert len(lines) == 2
    assert all(line in example for line in lines)


def test_files_on_a_page_match_the_repository() -> None:
    shown = {match[1]: match[2] for block in blocks("python") if (match := re.match(r"# (\S+)\n(.*)", block, re.S))}
    assert set(shown) == {"mcp_servers/echo_server.py", "mcp_servers/echo_tools.py"}
    for name, source in shown.items():
        assert source.strip() in (ROOT / name).read_text(encoding="utf-8")
    (marked,) = [block for block in blocks("python") if "@mcp.tool" in block]
    assert marked.removesuffix(" ...\n") in (ROOT / "examples" / "dice" / "dice_server.py").read_text(encoding="utf-8")


def test_client_configuration_is_json() -> None:
    snippets = blocks("json")
    assert len(snippets) == 5
    for snippet in snippets:
        assert set(json.loads(snippet)) - {"versions"} == {"mcpServers"}


def test_table_of_errors_matches_the_code() -> None:
    page = text_of(ROOT / "docs" / "urls-and-errors.md")
    rows = re.findall(r"^\| (\d{3}) \| `([a-z-]+)` \| (.+?) \|", page, re.MULTILINE)
    assert [(slug, (int(status), title)) for status, slug, title in rows] == [*TABLE.items()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_setting_on_a_page_is_in_the_table_of_settings(page: Path) -> None:
    table = text_of(ROOT / "docs" / "settings.md")
    named = set(re.findall(r"\b(?:MCP|LOG)_[A-Z_]+\b|\bREDIS_URL\b", text_of(page)))
    assert [name for name in named if f"| `{name}` |" not in table] == []
