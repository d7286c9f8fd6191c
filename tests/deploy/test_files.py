"""Files for deployers: dashboard, alerts, scrape configuration, units of systemd, the stages of the image."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from prometheus_client import generate_latest

from gateway.telemetry.metrics import REFUSED, Metrics
from routes.errors import TABLE
from settings.network import UNIX_CLIENTS
from settings.values import Settings
from tests.clients import post
from tests.conftest import MakeApp, server_of
from tests.gateway.telemetry.scrape import Scrape, scraped
from tests.transport import opened

pytestmark = pytest.mark.anyio

DEPLOY = Path(__file__).parents[2] / "deploy"
DOCKERFILE, MAKEFILE = ((DEPLOY.parent / name).read_text(encoding="utf-8") for name in ("Dockerfile", "Makefile"))
DASHBOARD: dict[str, Any] = json.loads((DEPLOY / "grafana" / "dashboard.json").read_text(encoding="utf-8"))
ALERTS: dict[str, Any] = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text(encoding="utf-8"))
RULES: list[dict[str, Any]] = [rule for group in ALERTS["groups"] for rule in group["rules"]]

SETTINGS_PAGE = (DEPLOY.parent / "docs" / "settings.md").read_text(encoding="utf-8")

FUNCTIONS = {"rate", "sum", "min", "count", "topk", "histogram_quantile", "absent", "label_values"}
WORDS = {"by", "and", "on"}
SCRAPE_LABELS = {"job", "instance"}
"""Labels that Prometheus adds to each scrape."""
VALUES = {
    "outcome": {*TABLE, "ok", "input-required", "cancelled", "failed"},
    "reason": {*TABLE},
    "result": {"hit", "miss"},
}
DURATION = r"\[(?:\d+[smh]|\$__rate_interval)\]"


def expressions() -> Iterator[str]:
    for panel in DASHBOARD["panels"]:
        yield from (target["expr"] for target in panel["targets"])
    yield from (variable["query"]["query"] for variable in DASHBOARD["templating"]["list"] if "refId" in str(variable))
    yield from (rule["expr"] for rule in RULES)


def plain(expression: str) -> str:
    """Returns the expression without durations and without the content of strings."""
    return re.sub(DURATION, "", re.sub(r'"[^"]*"', '""', expression))


def metrics(expression: str) -> set[str]:
    return set(re.findall(r"\b(?:mcp|process|python)_[a-z_]+", plain(expression)))


def labels(expression: str) -> set[str]:
    """Returns the labels that the expression matches or groups by."""
    grouped = re.findall(r"\b(?:by|on) \(([^)]*)\)", expression)
    matched = re.findall(r"(\w+)(?:=~|!~|!=|=)\"", expression)
    asked = re.findall(r"label_values\(\w+, (\w+)\)", expression)
    return {label.strip() for group in grouped for label in group.split(",")} | {*matched, *asked}


async def add(a: int, b: int) -> int:
    return a + b


@pytest.fixture
async def exposed(make_app: MakeApp) -> Mapping[str, set[str]]:
    """Returns the labels of each metric of a router in which every event has happened once."""
    async with opened(make_app(server_of(add), metrics="/metrics")) as client:
        await post(client, "add", {"a": 1, "b": 2})
        await client.get("/health", headers={"host": "evil.com"})
        scrapes = [await scraped(client)]
    cached = Metrics()
    cached.cache_asked("hit", "one", "add")
    scrapes.append(Scrape.of_text(generate_latest(cached.registry).decode()))
    return {name: set(labels) for one in scrapes for name in one.names() for labels in one.labels(name)}


@pytest.mark.slow
async def test_every_metric_and_label_in_use_is_exposed(exposed: Mapping[str, set[str]]) -> None:
    assert {name for expression in expressions() for name in metrics(expression)} - set(exposed) == set()
    for expression in expressions():
        available = set.union(*(exposed[name] for name in metrics(expression))) | SCRAPE_LABELS
        assert labels(expression) - available == set(), expression


async def test_every_own_metric_is_on_the_dashboard(exposed: Mapping[str, set[str]]) -> None:
    shown = {name for panel in DASHBOARD["panels"] for target in panel["targets"] for name in metrics(target["expr"])}
    derived = ("_created", "_count", "_sum")
    ours = {name for name in exposed if name.startswith("mcp_") and not name.endswith(derived)}
    assert ours - shown == set()


@pytest.mark.parametrize("expression", [*expressions()])
def test_expression_is_balanced_and_calls_known_functions(expression: str) -> None:
    text = plain(expression)
    for left, right in ("()", "{}"):
        assert text.count(left) == text.count(right)
    assert not set(text) & set("[]'`")
    called = set(re.findall(r"\b([a-z_]+) ?\(", text))
    assert called - FUNCTIONS - WORDS == set()
    counted = re.findall(rf"(\w+)(?:{{[^}}]*}})?{DURATION}", expression)
    assert all(name.endswith(("_total", "_bucket")) for name in counted), "only counters have a rate"


@pytest.mark.parametrize("expression", [*expressions()])
def test_label_values_in_use_exist(expression: str) -> None:
    for label, values in re.findall(r"(\w+)=~?\"([^\"$]+)\"", expression):
        assert set(values.split("|")) <= VALUES[label], expression
    for reason in re.findall(r'reason="([^"]+)"', expression):
        assert reason in REFUSED | {"unauthenticated"}


def test_each_alert_has_a_summary_a_duration_and_a_severity() -> None:
    assert len({rule["alert"] for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert set(rule) == {"alert", "expr", "for", "labels", "annotations"}
        assert set(rule["annotations"]) == {"summary", "description"}
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert re.fullmatch(r"\d+m", rule["for"])


def test_panels_do_not_overlap_and_share_one_data_source() -> None:
    places = [panel["gridPos"] for panel in DASHBOARD["panels"]]
    cells = [(place["x"] + x, place["y"] + y) for place in places for x in range(place["w"]) for y in range(place["h"])]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(places)
    sources = {target["datasource"]["uid"] for panel in DASHBOARD["panels"] for target in panel["targets"]}
    assert sources == {"${datasource}"}


def test_scrape_configuration_uses_the_default_url() -> None:
    example = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text(encoding="utf-8"))
    (job,) = example["scrape_configs"]
    assert job["static_configs"] == [{"targets": ["localhost:8000"]}]
    assert "metrics_path" not in job  # Prometheus asks for /metrics
    assert [(DEPLOY / "prometheus" / name).is_file() for name in example["rule_files"]] == [True]


def test_service_of_systemd_has_its_socket_and_uses_existing_settings() -> None:
    units = {}
    for name in ("multi-mcp.socket", "multi-mcp.service"):
        units[name] = ConfigParser(interpolation=None)
        units[name].optionxform = str  # type: ignore[assignment,method-assign]
        units[name].read_string((DEPLOY / "systemd" / name).read_text(encoding="utf-8"))
    service, socket = units["multi-mcp.service"], units["multi-mcp.socket"]
    assert service["Unit"]["Requires"] == "multi-mcp.socket"
    assert service["Service"]["ExecStart"].endswith("/.venv/bin/python app.py")
    assert "Accept" not in socket["Socket"]
    environ = dict(word.split("=", 1) for word in service["Service"]["Environment"].split())
    assert Settings.from_env(environ).trusted_proxies == (UNIX_CLIENTS,)
    assert len([value for value in environ if f"| `{value}` |" in SETTINGS_PAGE]) == len(environ)


def test_base_image_can_be_pinned_and_has_the_python_of_the_list_of_packages() -> None:
    stages = re.findall(r"^FROM (\S+)(?: AS (\S+))?$", DOCKERFILE, re.MULTILINE)
    assert stages[:3] == [("python:3.13-slim", "default"), ("${BASE}", "build"), ("${BASE}", "router")]
    assert stages[-1] == ("router", "")  # the last stage is built without a target
    assert DOCKERFILE.endswith("\nFROM router\n")
    assert " --python-platform linux --python-version 3.13\n" in MAKEFILE


def test_image_runs_without_root_and_in_exec_form() -> None:
    users = re.findall(r"^USER (.*)$", DOCKERFILE, re.MULTILINE)
    assert [bool(re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)) for user in users] == [True]
    assert json.loads(re.findall(r"^CMD (.*)$", DOCKERFILE, re.MULTILINE)[0]) == ["python", "app.py"]
    assert "ARG REQUIREMENTS=run.lock\n" in DOCKERFILE
    assert "--no-deps --require-hashes \\\n      -r requirements/${REQUIREMENTS} " in DOCKERFILE
    assert "-c requirements.txt ${PACKAGES}" in DOCKERFILE  # no package replaces the SDK


def test_image_for_npx_and_uvx_has_a_home_that_its_user_may_write() -> None:
    tools = DOCKERFILE.partition("\nFROM router AS tools\n")[2].partition("\n\n")[0]
    (user,) = re.findall(r"^USER (.*)$", DOCKERFILE, re.MULTILINE)
    assert "RUN mkdir -p /made/cache\n" in DOCKERFILE
    assert f"COPY --from=node --chown={user} /made /\n" in tools
    assert "ENV HOME=/cache PATH=/opt/node/bin:$PATH" in tools
    assert {line.split()[0] for line in tools.splitlines()} == {"COPY", "ENV"}  # nothing runs as root
    (version,) = re.findall(r"^UV := uv==(.*)$", MAKEFILE, re.MULTILINE)
    assert f"ARG UV=ghcr.io/astral-sh/uv:{version}\n" in DOCKERFILE
