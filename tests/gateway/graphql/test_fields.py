"""The fields of tools, which do not depend on who asks."""

from __future__ import annotations

from gateway.graphql.fields import Shown, fields


def test_suffix_is_left_off_if_no_other_tool_can_be_meant() -> None:
    assert fields({"one": ["add_tool", "sub", "sub_tool", "_tool"]}) == {
        ("one", "add_tool"): Shown("one", "add", "one_add"),
        ("one", "sub"): Shown("one", "sub", "one_sub"),
        ("one", "sub_tool"): Shown("one", "sub_tool", "one_sub_tool"),
        ("one", "_tool"): Shown("one", "_tool", "one__tool"),
    }


def test_odd_and_equal_names_end_in_a_hash_of_the_real_one() -> None:
    found = fields({"a": ["b_c"], "a_b": ["c"], "my-server": ["x.y", "x-y", "é"]})
    assert found["a", "b_c"].over_all == "a_b_c"
    assert found["a_b", "c"].over_all.startswith("a_b_c_")
    odd = [shown for (server, _), shown in found.items() if server == "my-server"]
    assert len({shown.field for shown in odd}) == 3
    assert {shown.server for shown in odd} == {odd[0].server}
    assert all(name.isidentifier() and name.isascii() for shown in odd for name in shown)
    assert fields({"my-server": ["x-y", "é"]})["my-server", "x-y"] == found["my-server", "x-y"]
