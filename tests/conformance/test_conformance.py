"""Runs the official conformance suite and the official Inspector against a router process."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conformance.suite import HERE, LEGS, NODE_MODULES, UNSCORED, conformance, need_modules, passes_unscored
from tests.ports import free_port
from tests.process.live.router import Router
from tests.shipped import shipped

pytestmark = pytest.mark.conformance

INSPECTOR = NODE_MODULES / "@modelcontextprotocol/inspector/clients/launcher/build/index.js"

ERAS = ["legacy", "auto", "modern"]
BOTH_SPELLINGS = ["/everything/mcp", "/everything/mcp/"]
AGGREGATE = ["/mcp", "/mcp/"]

# Without a session the server cannot ask the client during a call. The later revision asks in another way.
SCENARIOS_WITH_A_SESSION = {
    "2025-11-25": "tools-call-sampling,tools-call-elicitation,elicitation-sep1034-defaults,elicitation-sep1330-enums",
    "2026-07-28": "",
}


@contextmanager
def application(folder: Path, *servers: Path | str, **settings: str) -> Iterator[str]:
    """Runs a router with the servers of these folders, and gives its URL. It must end when it is told to."""
    need_modules()
    settings |= {"MCP_SERVERS_DIR": ":".join(str(each) for each in servers), "LOG_LEVEL": "warning"}
    with Router(folder, **settings) as router:
        yield f"http://127.0.0.1:{router.await_table().port}"
        router.end()


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with application(tmp_path_factory.mktemp("router"), HERE / "servers") as address:
        yield address


@pytest.fixture(scope="module")
def stateless_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with application(tmp_path_factory.mktemp("router"), HERE / "servers", MCP_STATELESS="1") as address:
        yield address


@pytest.fixture(scope="module")
def url_of_many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with application(tmp_path_factory.mktemp("router"), HERE / "servers", shipped()) as address:
        yield address


def inspect(url: str, era: str, *options: str) -> dict[str, object]:
    """Returns the JSON that the Inspector's command line prints."""
    node = shutil.which("node", path=os.pathsep.join([str(NODE_MODULES / ".bin"), os.environ["PATH"]]))
    assert node is not None, "Node 22 is missing. Run `make node_modules` first."
    command = [node, str(INSPECTOR), "--cli", url, "--transport", "http", "--protocol-era", era, *options]
    completed = subprocess.run(command, capture_output=True, text=True, check=False)
    assert completed.returncode == 0, completed.stderr
    printed: dict[str, object] = json.loads(completed.stdout)
    return printed


def tool_names(url: str, era: str) -> list[str]:
    tools = inspect(url, era, "--method", "tools/list")["tools"]
    assert isinstance(tools, list)
    return [tool["name"] for tool in tools]


def call(url: str, era: str, tool: str) -> object:
    return inspect(url, era, "--method", "tools/call", "--tool-name", tool)["content"]


GREETING = [{"type": "text", "text": "This is a simple text response for testing."}]


@pytest.mark.parametrize("path", BOTH_SPELLINGS)
@pytest.mark.parametrize("leg", LEGS)
def test_every_scored_scenario_passes_without_a_warning(url: str, leg: str, path: str) -> None:
    completed = conformance(url + path, leg)
    assert completed.returncode == 0
    assert " 0 warnings" in completed.stdout


@pytest.mark.parametrize("path", BOTH_SPELLINGS)
@pytest.mark.parametrize("leg", LEGS)
def test_unscored_scenarios_pass_too(url: str, leg: str, path: str) -> None:
    passes_unscored(url + path, leg)


@pytest.mark.parametrize("path", BOTH_SPELLINGS)
@pytest.mark.parametrize("leg", LEGS)
def test_stateless_router_fails_only_the_scenarios_that_need_a_session(stateless_url: str, leg: str, path: str) -> None:
    assert conformance(stateless_url + path, leg, "--expect-failures", SCENARIOS_WITH_A_SESSION[leg]).returncode == 0


@pytest.mark.parametrize("path", AGGREGATE)
@pytest.mark.parametrize("leg", LEGS)
def test_aggregate_endpoint_passes_every_scored_scenario(url: str, leg: str, path: str) -> None:
    assert conformance(url + path, leg).returncode == 0


@pytest.mark.parametrize("leg", LEGS)
def test_aggregate_endpoint_of_many_servers_passes_every_scored_scenario(url_of_many: str, leg: str) -> None:
    assert conformance(url_of_many + "/mcp", leg).returncode == 0


@pytest.mark.parametrize("leg", LEGS)
def test_aggregate_endpoint_fails_only_the_scenario_that_expects_a_tool_name_without_prefix(
    url_of_many: str, leg: str
) -> None:
    options = ["--only", UNSCORED[leg], "--expect-failures", "json-schema-2020-12"]
    assert conformance(url_of_many + "/mcp", leg, *options).returncode == 0


@pytest.mark.parametrize("path", BOTH_SPELLINGS)
@pytest.mark.parametrize("era", ERAS)
def test_inspector_lists_the_tools_and_calls_one(url: str, era: str, path: str) -> None:
    assert "test_simple_text" in tool_names(url + path, era)
    assert call(url + path, era, "test_simple_text") == GREETING


@pytest.mark.parametrize("path", AGGREGATE)
@pytest.mark.parametrize("era", ERAS)
def test_inspector_calls_a_tool_of_the_aggregate_endpoint_by_its_full_name(url: str, era: str, path: str) -> None:
    assert "everything_test_simple_text" in tool_names(url + path, era)
    assert call(url + path, era, "everything_test_simple_text") == GREETING


def test_run_without_a_server_fails_even_if_failures_are_expected() -> None:
    unused = f"http://127.0.0.1:{free_port()}/mcp"
    completed = conformance(unused, "2025-11-25", "--only", "ping", "--expect-failures", "ping")
    assert completed.returncode == 1
    assert "Nothing passed" in completed.stdout
