"""Metrics of the instances of servers that have several."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily


def metrics_of_instances(found: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterable[Metric]:
    """Returns the state of each instance, by the name of its server. The addresses are those of the configuration."""
    labels = ["server", "instance"]
    up = GaugeMetricFamily("mcp_instance_up", "1 if the instance gets calls", labels=labels)
    in_flight = GaugeMetricFamily("mcp_instance_in_flight", "Requests in flight at the instance", labels=labels)
    several = {name: instances for name, instances in found.items() if len(instances) > 1}
    for name, instances in several.items():
        for instance in instances:
            up.add_metric([name, instance["address"]], instance["state"] == "ready")
            in_flight.add_metric([name, instance["address"]], instance["inFlight"])
    return (up, in_flight) if several else ()
