"""Schemas of many tools."""

from __future__ import annotations

import pytest
from graphql import print_schema

from tests.gateway.graphql.served import graph

pytestmark = pytest.mark.slow

NODE = {
    "type": "object",
    "title": "Node",
    "properties": {
        "value": {"type": "integer"},
        "colour": {"enum": ["red", "dark-green", "null"]},
        "children": {"type": "array", "items": {"$ref": "#/$defs/Node"}},
    },
}


def test_three_hundred_tools_are_one_valid_schema() -> None:
    given = {"type": "object", "properties": {"node": {"$ref": "#/$defs/Node"}}, "$defs": {"Node": NODE}}
    returned = {**NODE, "$defs": {"Node": NODE}}
    tools = [
        {
            "name": f"t{number}_tool",
            "inputSchema": given,
            "outputSchema": returned,
            "annotations": {"readOnlyHint": number % 2 == 0},
        }
        for number in range(300)
    ]
    text = print_schema(graph(*tools).schema)
    assert "  t298(node: one_t298_Node_input): one_t298_Node" in text
    assert "  one_t299(node: one_t299_Node_input): one_t299_Node" in text
