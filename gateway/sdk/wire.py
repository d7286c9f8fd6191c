"""Native results on their way into a cache and out of it: each protocol era and endpoint puts its own marks on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

from mcp.server import Server as LowLevelServer
from mcp.server.context import HandlerResult, ServerRequestContext
from mcp.server.session import ServerSession
from mcp_types import SERVER_INFO_META_KEY
from pydantic import BaseModel
from pydantic_core import from_json, to_json

from gateway.call import ToolCall
from gateway.sdk import internals as sdk

Context = ServerRequestContext[Any, Any]
Result = TypeVar("Result", bound=BaseModel)


def taken_off(server: LowLevelServer[Any], result: HandlerResult | Mapping[str, Any]) -> dict[str, Any]:
    """A tool's result as its server made it."""
    if isinstance(result, BaseModel):
        result = result.model_dump(by_alias=True, mode="json", exclude_none=True)
    bare = dict(result or {})
    meta = bare.get("_meta")
    if isinstance(meta, Mapping) and meta.get(SERVER_INFO_META_KEY) == server.server_info_stamp:
        bare["_meta"] = {key: value for key, value in meta.items() if key != SERVER_INFO_META_KEY}
        if not bare["_meta"]:
            del bare["_meta"]
    return bare


def sealed(result: Mapping[str, Any]) -> bytes:
    """A success, without what is taken off, as JSON; nothing where it is no plain success, or no JSON."""
    if "content" not in result or result.get("isError") or result.get("resultType", "complete") != "complete":
        return b""
    try:
        return to_json(result, inf_nan_mode="null")
    except ValueError:
        return b""


def put_on(server: LowLevelServer[Any], ctx: Context, call: ToolCall, wire: bytes) -> dict[str, Any]:
    """The answer to the request of `call`, as if its tool had run."""
    result: dict[str, Any] = {"resultType": "complete", **from_json(wire)}
    return result if call.via == "aggregate" else sdk.answered(server, ctx, result)  # the aggregate puts on its own


def noting(ctx: Context, call: ToolCall) -> Context:
    """The same request, with each question to its client noted on `call`."""
    session = object.__new__(_Noting)
    session.__dict__.update(vars(ctx.session), noted=call)
    return replace(ctx, session=session)


class _Noting(ServerSession):
    noted: ToolCall

    async def send_request(self, *arguments: Any, **options: Any) -> Any:
        self.noted.questioned = True
        return await super().send_request(*arguments, **options)
