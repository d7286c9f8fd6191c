"""Tools for Anthropic's Messages API (`Tool`)."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

from gateway.tool import ToolInfo
from routes.vendors.roots import as_object
from routes.vendors.schemas import renamed, rewritten

_PROPERTY = re.compile(r"[a-zA-Z0-9_.-]{1,64}")


def anthropic(name: str, tool: ToolInfo) -> dict[str, Any]:
    described = {"description": tool["description"]} if tool.get("description") else {}
    accepted = partial(renamed, is_accepted=_PROPERTY.fullmatch)
    return {"name": name, **described, "input_schema": rewritten(as_object(tool["inputSchema"]), accepted)}
