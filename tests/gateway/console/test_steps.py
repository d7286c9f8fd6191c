"""The names of the steps."""

from __future__ import annotations

from gateway.auth.authorization import Authorization
from gateway.cache.interceptor import Cache
from gateway.console.steps import NAMES
from gateway.console.watch import NoteTrace
from gateway.idempotency.interceptor import Idempotency
from gateway.idempotency.refusal import NoIdempotency
from gateway.limits.capacity import Capacity
from gateway.limits.rate_limit import RateLimit
from gateway.limits.timeout import Timeout
from gateway.redis_budget import RedisBudget
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.tracing import Tracing
from gateway.versions.interceptor import VersionCalls


def test_each_interceptor_has_a_name_that_a_person_knows() -> None:
    limits = {Capacity, Idempotency, NoIdempotency, RateLimit, RedisBudget, Timeout}
    classes = {Authorization, Cache, Metrics, NoteTrace, Tracing, VersionCalls} | limits
    assert {each.__name__ for each in classes} == NAMES.keys()
