"""The route of one tool: its versions with their weights, and which of them a caller gets."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

from gateway.caller import Caller
from gateway.versions.pin import Pin
from gateway.versions.version import Version

MAX_SETS = 64
"""Sets of versions of one tool, of callers who may call others, whose weights are kept."""


class Weights(NamedTuple):
    """The positions of versions with the sums of the weights up to each. With one position, every caller gets it."""

    sums: Sequence[tuple[int, int]]
    total: int


@dataclass(slots=True)
class Route:
    """Versions of one tool with their weights, in the order in which they were written. `name` is the tool's."""

    name: bytes
    targets: Sequence[tuple[Pin, int]]
    stopped: set[str] = field(default_factory=set)
    outcomes: dict[str, deque[bool]] = field(default_factory=dict)
    _routed: dict[str, bool] = field(default_factory=dict)
    _weights: dict[tuple[str, ...], Weights] = field(default_factory=dict)

    def choose(self, versions: tuple[str, ...], who: Caller) -> int:
        """Returns the position of the version that a caller gets; that of the highest if none is routed."""
        weights = self._weights.get(versions)
        if weights is None:
            weights = self._weigh(versions)
        if weights.total:
            point = _fraction(self.name, who.key) * weights.total
            for end, place in weights.sums:
                if point < end:
                    return place
        return weights.sums[-1][1]

    def has(self, version: str) -> bool:
        """Returns True if one of the pins matches a version that the tool has."""
        if version not in self._routed:
            self._routed[version] = any(pin.matches(Version.of(version)) for pin, _ in self.targets)
        return self._routed[version]

    def stop(self, version: str) -> None:
        self.stopped.add(version)
        self._weights.clear()

    def forget(self) -> None:
        """Forgets how the versions did, and which there were."""
        for each in (self.stopped, self.outcomes, self._routed, self._weights):
            each.clear()

    def _weigh(self, texts: tuple[str, ...]) -> Weights:
        """Computes the weight of each version that is routed, the highest that its pin finds."""
        versions, places, sums, total = [Version.of(text) for text in texts], [], [], 0
        for pin, weight in self.targets:
            place = next((place for place, version in enumerate(versions) if pin.matches(version)), None)
            if place is not None and weight and texts[place] not in self.stopped:
                total += weight
                places.append(place)
                sums.append((total, place))
        if not places:
            places = [place for place, text in enumerate(texts) if text not in self.stopped][:1] or [0]
        if len({*places}) == 1:
            sums, total = [(0, places[0])], 0
        if len(self._weights) >= MAX_SETS:
            self._weights.clear()
        return self._weights.setdefault(texts, Weights(sums, total))


@lru_cache(maxsize=1024)
def _fraction(name: bytes, who: str) -> float:
    digest = blake2b(name + who.encode(errors="surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest) / 2**64
