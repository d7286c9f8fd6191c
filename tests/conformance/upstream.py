"""The server that the suite exercises, in a process of its own: over stdio, or with `http` or `sse` at a port.

It prints that port. In sessions its tools ask in mid-call what they ask for by their results in revision 2026-07-28.
"""

import asyncio
import logging
import sys
import warnings
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests/conformance/servers")]

from everything_server import mcp  # noqa: E402
from mcp.server import ServerRequestContext  # noqa: E402
from mcp.shared.message import ServerMessageMetadata  # noqa: E402
from mcp.types import (  # noqa: E402
    CallToolRequestParams,
    CreateMessageRequest,
    CreateMessageResult,
    ElicitRequest,
    ElicitResult,
    GetPromptRequestParams,
    InputRequest,
    InputRequiredResult,
    ListRootsRequest,
    ListRootsResult,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS  # noqa: E402

from tests.gateway.upstream.http.sdk_server import serve  # noqa: E402

ANSWERS: dict[type[InputRequest], Any] = {
    ElicitRequest: ElicitResult,
    CreateMessageRequest: CreateMessageResult,
    ListRootsRequest: ListRootsResult,
}


def asking(handle: Any) -> Any:
    """Returns the handler, which in a session asks the client for each input that its result requires."""

    async def handled(ctx: ServerRequestContext[Any, Any], params: Any) -> Any:
        result = await handle(ctx, params)
        while isinstance(result, InputRequiredResult) and ctx.protocol_version not in MODERN_PROTOCOL_VERSIONS:
            of_this_call = ServerMessageMetadata(related_request_id=ctx.request_id)
            questions = result.input_requests or {}
            asked = (
                ctx.session.send_request(each, ANSWERS[type(each)], None, of_this_call) for each in questions.values()
            )
            answers = dict(zip(questions, await asyncio.gather(*asked), strict=True))
            more = {"input_responses": answers, "request_state": result.request_state}
            result = await handle(ctx, params.model_copy(update=more))
        return result

    return handled


if __name__ == "__main__":
    logging.disable()
    warnings.simplefilter("ignore")
    mcp._lowlevel_server.add_request_handler("tools/call", CallToolRequestParams, asking(mcp._handle_call_tool))
    mcp._lowlevel_server.add_request_handler("prompts/get", GetPromptRequestParams, asking(mcp._handle_get_prompt))
    if sys.argv[1:] == ["http"]:
        serve(mcp.streamable_http_app(), 0)
    elif sys.argv[1:] == ["sse"]:
        serve(mcp.sse_app(), 0)
    else:
        mcp.run("stdio")
