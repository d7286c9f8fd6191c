"""The choice of an instance for one request: the one with the least in flight."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Sequence

from gateway.upstream.instances.instance import Instance


class Choice:
    """Chooses among `instances`. `chance` returns a number from 0 to 1, which decides between equals."""

    def __init__(self, instances: Sequence[Instance], chance: Callable[[], float] = random.random) -> None:
        self._instances = instances
        self._chance = chance

    def least(self, tried: Collection[Instance]) -> Instance | None:
        """Returns the instance with the least in flight, without those that were `tried`; None if there is none.

        One that is set aside is returned only if there is no other.
        """
        equal: list[Instance] = []
        last: list[Instance] = []
        low = 0
        for instance in self._instances:
            if instance.lease is None or instance in tried:
                continue
            if instance.standing.aside:
                instance.freed()
                if instance.standing.aside:
                    last.append(instance)
                    continue
            if not equal or instance.in_flight < low:
                equal, low = [instance], instance.in_flight
            elif instance.in_flight == low:
                equal.append(instance)
        if not equal and last:
            low = min(instance.in_flight for instance in last)
            equal = [instance for instance in last if instance.in_flight == low]
        return equal[int(self._chance() * len(equal))] if equal else None

    def may_go(self) -> bool:
        """Returns True if one more may be set aside: never more than half of them are, besides those that refuse."""
        return sum(instance.is_set_aside for instance in self._instances) < len(self._instances) // 2
