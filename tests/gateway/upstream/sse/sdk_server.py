"""A server of the SDK over the transport of 2024, in a process of its own: `/sse` of a port, which it prints."""

from __future__ import annotations

import sys

from tests.gateway.upstream.calls.asking_server import mcp
from tests.gateway.upstream.http import sdk_server

for tool in (sdk_server.add, sdk_server.big, sdk_server.count_to, sdk_server.echo, sdk_server.sleep):
    mcp.tool()(tool)
mcp.tool("slept")(sdk_server.counts)


if __name__ == "__main__":
    sdk_server.serve(mcp.sse_app(), int(sys.argv[1]))
