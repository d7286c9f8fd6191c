"""Messages of a child that are no JSON-RPC, or not as MCP has them, harm only what they answer."""

from __future__ import annotations

import sys
from typing import Any

import anyio
import pytest

from tests.clients import post
from tests.gateway.upstream.conftest import PEER, Serving, status

pytestmark = [pytest.mark.slow, pytest.mark.anyio]
MESSAGES = (
    '{"id": true, "result": {}}',
    '{"id": [1], "result": {}}',
    '{"id": {"a": 1}, "error": {"code": 1}}',
    '{"id": 99, "result": {}}',
    '{"id": "own", "method": "ping"}',
    '{"method": "notifications/progress", "params": {"progressToken": [1]}}',
    '{"method": "notifications/progress", "params": 5}',
    '{"method": "notifications/resources/updated", "params": {"uri": [1]}}',
    '{"method": 5}',
    "{}",
    "[]",
    "null",
    "5",
    '"text"',
    "{",
)


def odd(code: str) -> dict[str, Any]:
    """Returns the entry of a peer, changed by `code` before it runs."""
    source = f"__name__ = 'peer'\nexec(compile(open({str(PEER)!r}).read(), 'peer', 'exec'))\n{code}\nmain()"
    return {"command": sys.executable, "args": ["-IS", "-c", source]}


async def test_odd_messages_are_read_over(serving: Serving) -> None:
    flood = "\n".join(MESSAGES) + "\n"
    async with serving(one=odd(f"TOOLS['odd'] = lambda number, **_: (text({flood!r}), said(number, 'done'))")) as http:
        assert (await post(http, "odd")).json() == {"result": "done"}
        assert (await post(http, "add", {"a": 1, "b": 2})).json() == {"result": 3}
        assert (await http.get("/one/mcp/health")).json()["starts"] == 1


SAID = b'{"jsonrpc": "2.0", "id": %d, "result": {"content": [{"type": "text", "text": "a\xffb"}]}}\n'
TEXTS = {
    "no UTF-8": (f"os.write(1, {SAID!r} % number)", "a\ufffdb"),
    "no UTF-8 before": ("(os.write(1, b'\\xff\\xfe {}\\n'), said(number, 'done'))", "done"),
    "half of a pair": ("said(number, 'cut \\ud83d.')", "cut ?."),
    "depth": ("(text('{\"a\":' * 100000 + '\\n'), said(number, 'done'))", "done"),
}


@pytest.mark.parametrize(("answer", "expected"), TEXTS.values(), ids=TEXTS)
async def test_answer_with_a_text_that_cannot_be_is_an_answer(serving: Serving, answer: str, expected: str) -> None:
    async with serving(one=odd(f"TOOLS['odd'] = lambda number, **_: {answer}")) as http:
        assert (await post(http, "odd")).json() == {"result": expected}
        assert (await http.get("/one/mcp/health")).json()["starts"] == 1


ANSWERS = {
    "revisions that are no list": "discover = lambda number: answer(number, {'supportedVersions': 5})",
    "other revisions": "discover = lambda number: answer(number, {'supportedVersions': ['2030-01-01']})",
    "capabilities that are no object": "about = lambda: {'capabilities': [], 'serverInfo': 5, 'instructions': {}}",
}


@pytest.mark.parametrize("code", ANSWERS.values(), ids=ANSWERS)
async def test_odd_introduction_is_understood_as_far_as_it_goes(serving: Serving, code: str) -> None:
    async with serving(one=odd(code)) as http:
        health = await status(http)
        assert health["tools"] == (0 if "capabilities" in code else 25)


REFUSED = {
    "a revision that is no text": "answer(message['id'], {'protocolVersion': [1]})",
    "a result that is no object": "answer(message['id'], [1])",
    "an error that is no object": "send({'id': message['id'], 'error': 5})",
}


@pytest.mark.parametrize("answer", REFUSED.values(), ids=REFUSED)
async def test_server_whose_introduction_is_not_understood_is_tried_again(serving: Serving, answer: str) -> None:
    code = f"import os\nos.environ['PEER'] = HOW = 'legacy'\ntake = lambda message: {answer}"
    async with serving(one=odd(code) | {"era": "legacy"}) as http:
        health = await status(http, "failing")
        assert health["reason"]
        with anyio.fail_after(10):
            while (await http.get("/one/mcp/health")).json()["starts"] < 2:
                await anyio.sleep(0.02)


async def test_child_that_asks_and_never_reads_is_not_answered_for_ever(serving: Serving) -> None:
    """It sends 200,000 pings, whose answers would take 8 MB, and ends then."""
    ping = '{"jsonrpc": "2.0", "id": 7, "method": "ping"}\n'
    code = f"TOOLS['flood'] = lambda number, **_: ([text({ping!r} * 1000) for _ in range(200)], said(number, 'sent'))"
    async with serving(one=odd(code)) as http:
        assert (await post(http, "flood")).json() == {"result": "sent"}
