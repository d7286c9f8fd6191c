"""The contract server in a process of its own: at `/mcp` and `/sse` of the port that it prints, or with `stdio`."""

import logging
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests/contract/servers")]

from kinds_server import mcp  # noqa: E402

from tests.gateway.upstream.http.sdk_server import serve  # noqa: E402

if __name__ == "__main__":
    logging.disable()  # tools that crash on purpose
    if sys.argv[1:] == ["stdio"]:
        mcp.run("stdio")
    else:
        app = mcp.streamable_http_app()
        app.router.routes.extend(mcp.sse_app().routes)
        serve(app, int(sys.argv[1]))
