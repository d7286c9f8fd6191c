"""A request of a client that is asked in mid-call, to an upstream that asks by its results."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from gateway.errors import UpstreamError
from gateway.upstream.link import Ask, Params, Refusal

MAX_ROUNDS = 10
MAX_QUESTIONS = 100
"""Questions of one result."""

PAUSE = 0.1
"""Seconds before a request is repeated whose result asks for nothing but that."""

ASKS = "input_required"


async def answered(
    send: Callable[[Params], Awaitable[dict[str, Any]]], params: Params, ask: Ask | None
) -> dict[str, Any]:
    """Sends a request, and again with the client's answers for as long as its result asks for some.

    Raises:
        Refusal: the client refuses to answer.
        UpstreamError: the upstream asks too often, or what nobody can be asked.
    """
    result = await send(params)
    for _ in range(MAX_ROUNDS):
        if result.get("resultType") != ASKS:
            return result
        asked = result.get("inputRequests") or {}
        if not isinstance(asked, dict) or len(asked) > MAX_QUESTIONS or (asked and ask is None):
            break
        more = {"inputResponses": await _all(asked, ask)} if asked and ask is not None else {}
        if not asked:
            await asyncio.sleep(PAUSE)
        if isinstance(result.get("requestState"), str):
            more["requestState"] = result["requestState"]
        result = await send({**params, **more})
    if result.get("resultType") != ASKS:
        return result
    raise UpstreamError("The server asked for input that its client cannot give.", was_sent=True)


async def _all(asked: Mapping[str, Any], ask: Ask) -> dict[str, Any]:
    """Asks everything at once. If the client refuses one, it is not asked for the rest any more."""
    tasks = [asyncio.ensure_future(_one(question, ask)) for question in asked.values()]
    try:
        return dict(zip(asked, await asyncio.gather(*tasks), strict=True))
    finally:
        for task in tasks:
            task.cancel()


async def _one(question: Any, ask: Ask) -> dict[str, Any]:
    if not isinstance(question, dict) or not isinstance(question.get("method"), str):
        raise Refusal(-32600, "The server asked for input that MCP does not have.")
    params = question.get("params")
    return await ask(question["method"], params if isinstance(params, dict) else {})
