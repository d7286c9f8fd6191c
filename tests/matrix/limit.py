"""Rules of rate limits."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path
from typing import Any

from tests.matrix.rules import Call, Rule
from tests.matrix.ways import Outcome

PROBLEM = "application/problem+json"


def is_refused(outcome: Outcome) -> bool:
    """Returns True for a rate-limit refusal, after checking its form for the transport and the seconds to wait."""
    if outcome.slug != "rate-limited":
        return False
    problem = outcome.problem
    native = "code" in problem
    data = problem["data"] if native else problem
    assert 1 <= data["retryAfter"] <= 3600
    if native:
        assert problem["code"] == -32000
        assert outcome.status == 200 or outcome.headers["retry-after"] == str(data["retryAfter"])  # a session: 429
    else:
        assert problem["status"] == 429
    if outcome.headers.get("content-type", "").startswith(PROBLEM):
        assert outcome.status == 429
        assert outcome.headers["retry-after"] == str(data["retryAfter"])
        assert outcome.headers["ratelimit"].endswith(f";r=0;t={data['retryAfter']}")
        assert ";q=" in outcome.headers["ratelimit-policy"]
    return True


async def is_limited(call: Call) -> None:
    assert [(await call("add", a=1, b=2)).slug for _ in range(2)] == ["ok", "ok"]
    assert is_refused(await call("add", a=1, b=2))
    assert is_refused(await call("wait"))


async def has_overrides(call: Call) -> None:
    assert (await call("wait")).slug == "timeout"
    assert is_refused(await call("wait"))
    assert [(await call("add", a=1, b=2)).slug for _ in range(3)] == ["ok"] * 3
    assert is_refused(await call("add", a=1, b=2))


async def counts_addresses(call: Call) -> None:
    for address in ("203.0.113.1", "203.0.113.2"):
        headers = {"x-forwarded-for": f"198.51.100.1, {address}"}
        assert (await call("add", headers, a=1, b=2)).slug == "ok"
        assert is_refused(await call("add", {"x-forwarded-for": f"198.51.100.2, {address}"}, a=1, b=2))


async def ignores_untrusted_forwarding(call: Call) -> None:
    assert (await call("add", {"x-forwarded-for": "203.0.113.1"}, a=1, b=2)).slug == "ok"
    assert is_refused(await call("add", {"x-forwarded-for": "203.0.113.2"}, a=1, b=2))


async def counts_unknown_tools(call: Call) -> None:
    assert (await call("nonsense")).slug in ("unknown-tool", "tool-error")
    assert is_refused(await call("nonsense"))


def behind_a_proxy(folder: Path) -> dict[str, Any]:
    return {"rate_limit": "1/hour", "trusted_proxies": (ip_network("127.0.0.0/8"),)}


RULES = [
    Rule("each caller has a limit", is_limited, lambda folder: {"rate_limit": "2/hour, 1000/day"}),
    Rule(
        "a tool can have its own limit",
        has_overrides,
        lambda folder: {"rate_limit": "1/hour; one:a*=3/hour", "call_timeout": 0.05},
    ),
    Rule("unauthenticated callers are counted by address", counts_addresses, behind_a_proxy),
    Rule("calls to unknown tools are limited", counts_unknown_tools, lambda folder: {"rate_limit": "1/hour"}),
    Rule(
        "only a trusted proxy can set the address",
        ignores_untrusted_forwarding,
        lambda folder: {"rate_limit": "1/hour"},
    ),
]
