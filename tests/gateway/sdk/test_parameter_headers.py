"""The schemas by which the headers of a call are compared with its arguments."""

from typing import Any

from gateway.sdk.parameter_headers import HeaderSchemas

PLAIN: dict[str, Any] = {"type": "object", "properties": {"a": {"type": "string"}}}
DECLARED: dict[str, Any] = {"type": "object", "properties": {"a": {"type": "string", "x-mcp-header": "A"}}}
INVALID: dict[str, Any] = {"type": "object", "properties": {"a": {"type": "object", "x-mcp-header": "A"}}}


def test_schema_is_returned_if_it_declares_a_header() -> None:
    tools = {"plain": PLAIN, "declared": DECLARED, "invalid": INVALID}
    schemas = HeaderSchemas(tools.get)
    for _ in range(2):
        assert schemas("declared") is DECLARED
        assert [schemas(name) for name in ("plain", "invalid", "unknown")] == [None, None, None]


def test_changed_schema_is_looked_at_again() -> None:
    tools = {"tool": PLAIN}
    schemas = HeaderSchemas(tools.get)
    assert schemas("tool") is None
    tools["tool"] = DECLARED
    assert schemas("tool") is DECLARED
    tools["tool"] = PLAIN
    assert schemas("tool") is None
