"""An MCP server of the standard library alone, whose tool `search` returns the version `VERSION` and how often it ran.

`PEER` says how it behaves: `legacy` speaks the protocol of sessions, `cached` lets results be cached, `fails` reports
errors, `exit` does not start, `slow` starts late, `asks` wants a name first, `headers` repeats the argument `place` in
the header `Mcp-Param-Place-` and the first number of its version. A call of `grow` adds the tool `grown`.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

HOW, VERSION = os.environ.get("PEER", ""), os.environ["VERSION"]
TEXT = {"type": "object", "properties": {"result": {"type": "string"}}, "required": ["result"]}
ASKED = {"method": "elicitation/create", "params": {"mode": "form", "message": "Name?", "requestedSchema": {}}}
ASKED["params"]["requestedSchema"] = {"type": "object", "properties": {"name": {"type": "string"}}}  # type: ignore[index]
state: Any = {"ran": 0, "tools": ["search", f"only_{VERSION.replace('.', '_').replace('-', '_')}", "grow"]}


def send(message: Any) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def described(name: str) -> dict[str, Any]:
    tool: dict[str, Any] = {
        "name": name,
        "inputSchema": {"type": "object"},
        "outputSchema": {**TEXT, "title": f"{name}Output"},
    }
    tool["description"] = f"{name} of {VERSION}."
    if HOW == "headers":
        place = {"type": "string", "x-mcp-header": f"Place-{VERSION[0]}"}
        tool["inputSchema"] = {"type": "object", "properties": {"place": place}}
    if HOW == "cached":
        tool["_meta"] = {"cache": {"ttl": 60}}
    return tool


def called(params: dict[str, Any]) -> dict[str, Any]:
    state["ran"] += 1
    if HOW == "asks" and "inputResponses" not in params:
        return {"resultType": "input_required", "inputRequests": {"name": ASKED}, "requestState": f"of {VERSION}"}
    if HOW == "fails" and params["name"] == "search":
        return {"content": [{"type": "text", "text": "no"}], "isError": True}
    if params["name"] == "grow":
        state["tools"].append("grown")
        send({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"})
    said = f"{VERSION} {state['ran']}" + (f" {params['requestState']}" if "requestState" in params else "")
    said += f" {params['_meta']}" if "dev.multi-mcp/version" in params.get("_meta", {}) else ""
    return {"content": [{"type": "text", "text": said}], "structuredContent": {"result": said}}


def answer(method: str, params: dict[str, Any]) -> dict[str, Any] | None:
    about = {
        "capabilities": {"tools": {"listChanged": True}, "prompts": {}, "logging": {}},
        "serverInfo": {"name": "search", "version": VERSION},
        "instructions": f"Ask {VERSION}.",
    }
    if method == "tools/call":
        return called(params)
    if method == "initialize" or (method == "server/discover" and HOW != "legacy"):
        era = {"protocolVersion": "2025-11-25"} if method == "initialize" else {"supportedVersions": ["2026-07-28"]}
        return {**era, **about}
    tools = [described(name) for name in state["tools"]]
    found: dict[str, dict[str, Any]] = {
        "tools/list": {"tools": tools, "ttlMs": 0, "cacheScope": "private"},
        "prompts/list": {"prompts": [{"name": f"of {VERSION}"}], "ttlMs": 0, "cacheScope": "private"},
        "logging/setLevel": {},
    }
    return found.get(method)


def main() -> None:
    if HOW == "exit":
        sys.exit("it does not start")
    time.sleep(3 if HOW == "slow" else 0)  # longer than the router waits for the first starts
    for line in sys.stdin:
        message = json.loads(line)
        if (number := message.get("id")) is None or "method" not in message:
            continue
        result = answer(message["method"], message.get("params") or {})
        if result is None:
            send({"jsonrpc": "2.0", "id": number, "error": {"code": -32601, "message": "Method not found"}})
        else:
            send({"jsonrpc": "2.0", "id": number, "result": {"resultType": "complete", **result}})


if __name__ == "__main__":
    main()
