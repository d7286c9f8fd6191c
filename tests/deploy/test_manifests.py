"""Files for several containers: names lead somewhere, and settings are valid. `make manifests` checks the schemas."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml  # type: ignore[import-untyped]

from gateway.telemetry.metrics import Metrics
from gateway.upstream.config import read_upstreams
from settings.unknown import unknown
from settings.values import Settings
from tests.shipped import FILES

DEPLOY = Path(__file__).parents[2] / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose" / "compose.yml").read_text(encoding="utf-8"))
KUBERNETES = DEPLOY / "kubernetes"
KUSTOMIZATION: dict[str, Any] = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text(encoding="utf-8"))
OBJECTS: list[dict[str, Any]] = [
    each
    for name in KUSTOMIZATION["resources"]
    for each in yaml.safe_load_all((KUBERNETES / name).read_text(encoding="utf-8"))
]
SHIPPED = {name.partition("_")[0] for name in FILES}


def of_kind(kind: str) -> dict[str, dict[str, Any]]:
    return {each["metadata"]["name"]: each["spec"] for each in OBJECTS if each["kind"] == kind}


DEPLOYMENTS, SERVICES = of_kind("Deployment"), of_kind("Service")


def container(name: str) -> dict[str, Any]:
    (only,) = DEPLOYMENTS[name]["template"]["spec"]["containers"]
    return dict(only)


def environment(name: str) -> dict[str, str]:
    return {each["name"]: each["value"] for each in container(name)["env"]}


def environments() -> Iterator[Any]:
    for name, service in COMPOSE["services"].items():
        yield pytest.param(service["environment"], id=f"compose {name}")
    for name in DEPLOYMENTS:
        yield pytest.param(environment(name), id=f"kubernetes {name}")


def selected(selector: Mapping[str, str]) -> list[str]:
    """Returns the names of the deployments whose pods have the labels."""
    labels = {name: spec["template"]["metadata"]["labels"] for name, spec in DEPLOYMENTS.items()}
    return [name for name, of_pod in labels.items() if selector.items() <= of_pod.items()]


@pytest.mark.parametrize("environ", [*environments()])
def test_settings_exist_and_are_valid(environ: Mapping[str, str]) -> None:
    assert [*unknown(environ, Settings)] == []
    assert Settings.from_env(environ) != Settings.from_env({})


@pytest.mark.parametrize("folder", ["compose", "kubernetes"])
def test_each_entry_is_the_address_of_a_server_that_answers_to_its_name(folder: str) -> None:
    entries = read_upstreams(DEPLOY / folder / "mcp.json")
    services = COMPOSE["services"] if folder == "compose" else SERVICES
    settings = {
        name: Settings.from_env(environment(name) if folder == "kubernetes" else services[name]["environment"])
        for name in services
    }
    assert settings["router"].servers == tuple(entries)
    for name, entry in entries.items():
        url = urlsplit(entry.url)
        assert (url.port, url.path) == (8000, f"/{name}/mcp")
        assert settings[str(url.hostname)].servers == (name,)
        assert settings[str(url.hostname)].allowed_hosts == (url.hostname,)
        assert name in SHIPPED


def test_every_file_is_a_resource() -> None:
    assert {path.name for path in KUBERNETES.glob("*.yaml")} == {*KUSTOMIZATION["resources"], "kustomization.yaml"}
    (generated,) = KUSTOMIZATION["configMapGenerator"]
    assert [each["configMap"]["name"] for each in DEPLOYMENTS["router"]["template"]["spec"]["volumes"]] == [
        generated["name"]
    ]
    assert all((KUBERNETES / name).exists() for name in generated["files"])


def test_everything_selects_the_pods_that_it_means() -> None:
    for name, spec in DEPLOYMENTS.items():
        assert selected(spec["selector"]["matchLabels"]) == [name]
    for name, spec in SERVICES.items():
        assert selected(spec["selector"]) == [name]
        assert [port["targetPort"] for port in spec["ports"]] == ["http"]
        assert "sessionAffinity" not in spec
    assert selected(of_kind("PodDisruptionBudget")["router"]["selector"]["matchLabels"]) == ["router"]
    policies = of_kind("NetworkPolicy")
    assert selected(policies["router"]["podSelector"]["matchLabels"]) == ["router"]
    assert selected(policies["servers"]["podSelector"]["matchLabels"]) == [*SERVICES.keys() - {"router"}]
    (source,) = policies["servers"]["ingress"][0]["from"]
    assert selected(source["podSelector"]["matchLabels"]) == ["router"]


def test_scaling_and_the_route_lead_to_the_router() -> None:
    scaler, route = of_kind("HorizontalPodAutoscaler")["router"], of_kind("HTTPRoute")["router"]
    assert scaler["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "router"}
    assert "replicas" not in DEPLOYMENTS["router"]  # else each `kubectl apply` would undo what the autoscaler did
    (waiting,) = [metric["pods"]["metric"]["name"] for metric in scaler["metrics"] if metric["type"] == "Pods"]
    assert waiting in {family.name for family in Metrics().registry.collect()}
    assert scaler["minReplicas"] > of_kind("PodDisruptionBudget")["router"]["maxUnavailable"]
    assert set(route) == {"parentRefs", "hostnames", "rules"}
    (rule,) = route["rules"]
    assert rule == {"backendRefs": [{"name": "router", "port": 8000}], "timeouts": {"request": "0s"}}
    assert route["hostnames"] == list(Settings.from_env(environment("router")).allowed_hosts)


@pytest.mark.parametrize("name", [*DEPLOYMENTS])
def test_pod_is_restricted_probed_and_has_time_to_drain(name: str) -> None:
    pod, only = DEPLOYMENTS[name]["template"]["spec"], container(name)
    settings = Settings.from_env(environment(name))
    before = only["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pod["terminationGracePeriodSeconds"] > before + settings.drain_delay + settings.shutdown_grace + 2
    probes = {kind: only[f"{kind}Probe"]["httpGet"]["path"] for kind in ("startup", "readiness", "liveness")}
    assert probes == {"startup": "/readyz", "readiness": "/readyz", "liveness": "/livez"}
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["runAsUser"] == 10001
    assert only["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    # Several replicas have no sessions: a Service sends the requests of one to any of them.
    assert settings.stateless


def test_containers_of_compose_have_time_to_drain_and_few_rights() -> None:
    for name, service in COMPOSE["services"].items():
        settings = Settings.from_env(service["environment"])
        assert int(service["stop_grace_period"].removesuffix("s")) > settings.drain_delay + settings.shutdown_grace + 2
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
        assert ("ports" in service) == (name == "router")
