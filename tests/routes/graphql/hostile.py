"""Documents within the limit of tokens that cost as much as possible to read."""

from __future__ import annotations

from collections.abc import Mapping


def _times(count: int, part: str) -> str:
    return " ".join(part.replace("#", str(number)) for number in range(count))


def _fragments(count: int, body: str) -> str:
    return " ".join(f"fragment F{n} on one_queries {{ {body.replace('#', str(n + 1))} }}" for n in range(count))


_SPREADS = " ".join(
    f"fragment F{n} on one_tree_Tree {{ {' '.join(f'children {{ ...F{m} }}' for m in range(n + 1, 24))} value }}"
    for n in range(24)
)
_PAIR = "x: children { ...T# } y: children { ...T# }"
DOCUMENTS: Mapping[str, str] = {
    "aliases of a server": "{ " + _times(330, "a#: one { __typename }") + " }",
    "aliases of a tool": "{ one { " + _times(280, "a#: add(a: 1, b: 2)") + " } }",
    "one field again and again": "{ " + "_servers " * 1990 + "}",
    "one object again and again": "{ " + "one { __typename } " * 390 + "}",
    "one tool again and again": "{ one { " + "tree { value } " * 390 + "} }",
    "equal arguments again and again": "{ one { " + "add(a: 1, b: 2) " * 180 + "} }",
    "other arguments for one key": "{ one { " + _times(180, "add(a: #, b: 2)") + " } }",
    "deep": "{ one { tree { " + "children { " * 300 + "value" + " }" * 300 + " } } }",
    "doubled fragments": "{ one { ...F0 } } "
    + _fragments(90, "x: tree { value } ...F# ...F#")
    + " fragment F90 on one_queries { __typename }",
    "doubled aliases in a tree": "{ one { tree { ...T0 } } } "
    + " ".join(f"fragment T{n} on one_tree_Tree {{ {_PAIR.replace('#', str(n + 1))} }}" for n in range(60))
    + " fragment T60 on one_tree_Tree { value }",
    "all fragments in all": "{ one { tree { ...F0 } } } " + _SPREADS,
    "a circle of fragments": "{ one { ...F0 } } "
    + _fragments(100, "...F#")
    + " fragment F100 on one_queries { ...F0 }",
    "unknown fields": "{ one { " + _times(1900, "zz#") + " } }",
    "unknown servers": "{ " + _times(480, "zz# { a }") + " }",
    "unknown types": " ".join(f"fragment F{n} on Nothing{n} {{ a }}" for n in range(280)),
    "variables": "query(" + _times(300, "$a#: Long!") + ") { _servers }",
    "a long list": "mutation { two_total(values: [" + "1, " * 1980 + "1]) }",
    "a deep list": "mutation { two_total(values: " + "[" * 900 + "]" * 900 + ") }",
    "many operations": _times(240, "query Q# { one { __typename } }"),
    "the types, aliased": "{ __schema { " + _times(280, "a#: types { name }") + " } }",
    "the schema, again and again": "{ " + _times(150, "a#: __schema { types { name fields { name } } }") + " }",
    "the types in types": "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }",
    "comments": "#" * 100 + "\n" * 100_000 + "{ _servers }",
    "a long name": "{ " + "a" * 1_000_000 + " }",
    "a long text": '{ one { add(a: "' + "\\u00e9" * 300_000 + '", b: 2) } }',
    "a short one": "{ " + "one { ...F } " * 15 + "} fragment F on one_queries { " + "tree { value } " * 4 + "}",
    "too many tokens": "{ " + _times(5000, "a#: _servers") + " }",
}
