"""The expected result of each kind of tool: the value that its Python function returns, as JSON."""

from __future__ import annotations

from typing import Any

Case = tuple[str, dict[str, Any], Any]

IMAGE = {"type": "image", "data": "iVBORw==", "mimeType": "image/png"}
ADA = {"fullName": "Ada", "born": None}
ADDRESS = "Customer(name='x', addresses=[Address(street='s', zip='1')])"

VALUES: list[Case] = [
    ("sync_add", {"a": 10, "b": 32}, 42),
    ("async_add", {"a": 10, "b": 32}, 42),
    ("async_add", {"a": 10, "b": 0.5}, 10.5),
    ("dataclass_value", {"x": 3}, {"start": {"x": 3, "y": 0}, "end": {"x": 1, "y": 2}, "labels": ["a"]}),
    ("model_with_alias", {"name": "Ada"}, {"fullName": "Ada", "born": "2000-01-02"}),
    ("more_than_declared", {"name": "Ada"}, {"fullName": "Ada", "born": None, "salary": 1}),
    ("model_as_dict", {"name": "Ada"}, ADA),
    ("recursive_model", {"depth": 1}, {"value": 1, "children": [{"value": 0, "children": []}]}),
    ("typed_dict", {"id": 7}, {"id": 7}),
    ("list_of_numbers", {"count": 3}, [0, 1, 2]),
    ("list_of_numbers", {"count": 0}, []),
    ("list_of_models", {"name": "Ada"}, [ADA]),
    ("dict_of_numbers", {"key": "é"}, {"é": 1}),
    ("dict_by_number", {}, {"1": "one"}),
    ("pair", {}, [1, "two"]),
    ("bare_dict", {}, {"a": [1, None, {"b": 2.5}]}),
    ("bare_list", {"count": 3}, ["text", 2, None]),
    ("bare_list", {"count": 1}, ["text"]),
    ("bare_list", {"count": 0}, []),
    *(("unannotated", {"value": value}, value) for value in ("1", "text", 1, 1.5, True, None, [1], {"a": 1}, [])),
    ("anything", {"value": {"a": [1]}}, {"a": [1]}),
    ("nothing", {}, None),
    ("perhaps", {"given": True}, "given"),
    ("perhaps", {"given": False}, None),
    ("octets", {}, "abc"),
    *(("text", {"value": value}, value) for value in ("", "42", '{"a": 1}', "null", "line\nbreak \u2028 \0 😀")),
    (
        "many_types",
        {},
        {
            "price": "1.50",
            "id": "00000000-0000-0000-0000-000000000001",
            "at": "2026-07-28T12:30:00Z",
            "colour": "red",
            "set": [1],
        },
    ),
    ("constrained", {}, 1),
]

CONTENT: list[Case] = [
    ("image", {}, [IMAGE]),
    ("audio", {}, [{"type": "audio", "data": "UklGRg==", "mimeType": "audio/wav"}]),
    ("mixed", {}, [{"type": "text", "text": "text"}, IMAGE, {"type": "text", "text": "block"}]),
    ("mixed_unannotated", {}, [{"type": "text", "text": '{\n  "a": 1\n}'}, IMAGE]),
    ("text_block", {}, "block"),
    ("link", {}, [{"name": "a", "uri": "file:///a", "type": "resource_link"}]),
    ("own_result", {}, "own"),
    ("own_blocks", {}, [{"type": "text", "text": "own"}, IMAGE | {"data": "AA=="}]),
    ("own_empty", {}, None),
    ("own_structured", {}, {"a": 1}),
    ("own_typed", {}, ADA),
]

ARGUMENTS: list[Case] = [
    ("defaults", {"a": 1}, [1, 2, "three"]),
    ("defaults", {"a": 1, "b": 5, "c": "x"}, [1, 5, "x"]),
    ("defaults", {"a": "1", "b": True}, [1, 1, "three"]),
    ("defaults", {"a": 1, "unknown": "dropped"}, [1, 2, "three"]),
    ("optional", {}, {"a": None, "b": None}),
    ("optional", {"a": None, "b": None}, {"a": None, "b": None}),
    ("optional", {"a": "3", "b": "null"}, {"a": 3, "b": None}),
    ("made_default", {}, [1]),
    ("nested", {"customer": {"name": "x", "addresses": [{"street": "s", "postalCode": "1"}]}}, f"{ADDRESS} None"),
    ("nested", {"customer": '{"name": "x", "addresses": [{"street": "s", "postalCode": "1"}]}'}, f"{ADDRESS} None"),
    (
        "nested",
        {"customer": {"name": "x"}, "others": '[{"name": "y"}]'},
        "Customer(name='x', addresses=[]) [Customer(name='y', addresses=[])]",
    ),
    ("numbers", {"values": [1, 2]}, 3.0),
    ("numbers", {"values": "[1, 2]", "factor": "2.5"}, 7.5),
    ("like_a_model", {"copy": "c"}, "c 1"),
    ("like_a_model", {"copy": '["not read"]', "json": "2"}, '["not read"] 2'),
    ("aliased", {"person": {"fullName": "Ada"}}, ADA),
    ("aliased", {"person": '{"fullName": "Ada"}'}, ADA),
    ("limited", {"size": 3}, "3 fast"),
    ("dated", {"day": "2026-07-28", "flag": "yes"}, "2026-07-28 True"),
    ("without", {}, "called"),
    ("without", {"anything": 1}, "called"),
]

Errors = list[tuple[str, str]]
REFUSED: list[tuple[str, dict[str, Any], Errors]] = [
    ("sync_add", {"a": 1}, [("b", "Field required")]),
    ("sync_add", {}, [("a", "Field required"), ("b", "Field required")]),
    (
        "sync_add",
        {"a": "SECRET", "b": None},
        [
            ("a", "Input should be a valid integer, unable to parse string as an integer"),
            ("b", "Input should be a valid integer"),
        ],
    ),
    ("sync_add", {"a": 1.5, "b": 1}, [("a", "Input should be a valid integer, got a number with a fractional part")]),
    (
        "nested",
        {"customer": {"name": "x", "addresses": [{"street": "s"}]}},
        [("customer.addresses.0.postalCode", "Field required")],
    ),
    ("nested", {"customer": "SECRET"}, [("customer", "Input should be a valid dictionary or instance of Customer")]),
    ("like_a_model", {}, [("copy", "Field required")]),
    (
        "numbers",
        {"values": ["SECRET"]},
        [("values.0", "Input should be a valid integer, unable to parse string as an integer")],
    ),
    (
        "limited",
        {"size": 7, "mode": "SECRET"},
        [("size", "Input should be less than or equal to 3"), ("mode", "Input should be 'fast' or 'slow'")],
    ),
    (
        "reports",
        {"steps": "SECRET"},
        [("steps", "Input should be a valid integer, unable to parse string as an integer")],
    ),
    ("asks_by_resolver", {}, [("dish", "Field required")]),
]

NO = {"reason": "not\ntoday"}
TOOL_ERRORS: list[tuple[str, dict[str, Any], str, str]] = [
    ("says_no", NO, "not\ntoday", "Error executing tool says_no: not\ntoday"),
    ("says_no", {"reason": ""}, "", "Error executing tool says_no: "),
    ("says_no_in_a_thread", NO, "not\ntoday", "Error executing tool says_no_in_a_thread: not\ntoday"),
    ("says_no_with_context", NO, "not\ntoday", "Error executing tool says_no_with_context: not\ntoday"),
    ("resource_says_no", {}, "no such resource", "Error executing tool resource_says_no: no such resource"),
    ("survives_a_crash", {}, "the other one crashed", "the other one crashed"),
]

CRASHES: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in ("crashes", "crashes_in_a_thread", "crashes_with_context", "exits", "exits_in_a_thread")),
    *((name, {}) for name in ("exits_with_context", "wrong_output", "wrong_output_with_context")),
    ("times_out", {}),
    ("invalid_inside", {"value": "SECRET"}),
]
