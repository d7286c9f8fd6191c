"""The resolvers of a tool (`Annotated[T, Resolve(function)]`), with their sync functions in other threads."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from mcp.server.mcpserver.resolve import Resolve, _ParamPlan, _resolver_key, _ResolverPlan
from mcp.server.mcpserver.tools import Tool

Run = Callable[..., Coroutine[Any, Any, Any]]


def resolvers_in(tool: Tool, run: Run) -> dict[str, Any]:
    """Returns the fields of `tool` that have its resolvers, changed so that a sync function runs as `run(function)`.

    The keys under which their questions go to the client stay the same.
    """
    markers = {
        key: Resolve(plan.fn if plan.is_async else partial(run, plan.fn)) for key, plan in tool.resolver_plans.items()
    }

    def changed(marker: Resolve) -> Resolve:
        return markers[_resolver_key(marker.fn)]

    def param(plan: _ParamPlan) -> _ParamPlan:
        return plan if plan.resolve is None else _ParamPlan(plan.kind, changed(plan.resolve), plan.wants_union)

    plans = {}
    for key, plan in tool.resolver_plans.items():
        function = markers[key].fn
        params = {name: param(each) for name, each in plan.params.items()}
        plans[_resolver_key(function)] = _ResolverPlan(function, params, True, plan.wire_key)
    resolved = {name: (changed(marker), union) for name, (marker, union) in tool.resolved_params.items()}
    return {"resolved_params": resolved, "resolver_plans": plans}
