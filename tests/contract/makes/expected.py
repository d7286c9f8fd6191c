"""The answers of the tools of a server of another make, whichever make it is."""

from __future__ import annotations

from typing import Any

PIXEL = "iVBORw0KGgo="
VALUES: list[tuple[str, dict[str, Any], Any]] = [
    ("add", {"a": 10, "b": 32}, 42),
    ("say", {"text": "hi"}, "hi"),
    ("data", {}, {"a": [1, 2]}),
    ("picture", {}, [{"type": "image", "data": PIXEL, "mimeType": "image/png"}]),
    ("steps", {"count": 2}, "done"),
]
"""Tool, arguments, and what `result` is over JSON."""
FAILURES = [
    ("says_no", "tool-error", "not today"),
    ("protocol_says_no", "tool-error", "not at this time"),
    ("crashes", "tool-crashed", None),
    ("exits", "tool-crashed", None),
    ("is_no_json", "tool-crashed", None),
    ("is_large", "tool-crashed", None),
    ("no_such_tool", "unknown-tool", None),
]
"""Tool, the kind of its error over JSON, and the detail if the tool words it. No text of a crash goes out."""
SECRET = "the secret of 1234"
