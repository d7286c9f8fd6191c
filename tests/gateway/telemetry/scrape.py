"""A scrape, read by the parser of the Prometheus client."""

from __future__ import annotations

from collections.abc import Iterable

import httpx2
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

Labels = frozenset[tuple[str, str]]


class Scrape:
    """Metric families by name, and samples by name and labels."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self.families = {family.name: family for family in families}
        self._samples: dict[tuple[str, Labels], float] = {}
        for family in self.families.values():
            for sample in family.samples:
                key = (sample.name, frozenset(sample.labels.items()))
                assert key not in self._samples, key
                self._samples[key] = sample.value

    @classmethod
    def of_text(cls, text: str) -> Scrape:
        return cls(parse_text(text))

    @classmethod
    def of_openmetrics(cls, text: str) -> Scrape:
        return cls(parse_openmetrics(text))  # type: ignore[no-untyped-call]

    def value(self, name: str, **labels: str) -> float | None:
        """Returns the value of the sample with this name and exactly these labels, or None."""
        return self._samples.get((name, frozenset(labels.items())))

    def sum(self, name: str, **labels: str) -> float:
        """Returns the sum of all samples with this name and at least these labels."""
        wanted = set(labels.items())
        return sum(value for (one, found), value in self._samples.items() if one == name and wanted <= found)

    def labels(self, name: str) -> list[dict[str, str]]:
        return [dict(found) for one, found in self._samples if one == name]

    def names(self) -> set[str]:
        return {name for name, _ in self._samples}


async def scraped(client: httpx2.AsyncClient, path: str = "/metrics") -> Scrape:
    answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    return Scrape.of_text(answer.text)
