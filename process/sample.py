"""A call that works, for the startup table."""

from __future__ import annotations

import json

from gateway.servers.registry import Registry
from routes.openapi.sample_call import sample_call as sample_of_tools

MAX_SAMPLE = 150
"""Characters of the arguments. More of them would fill the screen."""


def sample_call(registry: Registry) -> tuple[str, str] | None:
    """Returns the name of a server and the JSON of a call of one of its tools; None if there is no short one."""
    sample = sample_of_tools([(server, server.tools()) for server in registry], MAX_SAMPLE)
    if sample is None:
        return None
    return sample.server, json.dumps({"tool": sample.tool, "arguments": sample.arguments})
