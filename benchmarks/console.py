"""The cost of the console for each call, in process: off, on, with a page that looks, and with arguments.

`python -m benchmarks.console` prints a table. All columns are of the same rounds, and nothing else is measured.
"""

import asyncio
import io
import sys
import time
from statistics import median

from app import create_app
from benchmarks.in_process import Request, send
from settings.values import Settings

CALLS, ROUNDS = 500, 40
BODY = b'{"tool": "add_tool", "arguments": {"a": 10, "b": 32}}'
CALL = Request("/math/mcp/call", BODY, {"content-type": "application/json"})
NATIVE_STDERR = sys.stderr


async def look(app: object) -> None:
    """Reads the event stream of the console."""
    events = Request("/console/data/events", method="GET")
    await send(app, events)  # type: ignore[arg-type]


async def measured() -> dict[str, float]:
    """Returns the median CPU time of a call in µs, by the name of the column."""
    settings = {
        "off": Settings(log_level="info"),
        "on": Settings(console=True),
        "on, a page looks": Settings(console=True),
        "on, arguments": Settings(console=True, console_arguments=True),
    }
    apps = {name: create_app(each) for name, each in settings.items()}
    times: dict[str, list[float]] = {name: [] for name in apps}
    lifetimes = {name: app.router.lifespan_context(app) for name, app in apps.items()}
    for each in lifetimes.values():
        await each.__aenter__()
    viewer = asyncio.create_task(look(apps["on, a page looks"]))
    for _ in range(ROUNDS):
        for name, app in apps.items():
            began = time.process_time()
            for _ in range(CALLS):
                await send(app, CALL)
            await asyncio.sleep(0.06)  # what waits for its batch is part of the cost
            times[name].append((time.process_time() - began) / CALLS * 1e6)
    viewer.cancel()
    for each in reversed(lifetimes.values()):
        await each.__aexit__(None, None, None)
    return {name: median(each) for name, each in times.items()}


if __name__ == "__main__":
    sys.stderr = io.StringIO()  # the lines of the call log cost the same in all columns
    found = asyncio.run(measured())
    sys.stderr = NATIVE_STDERR
    print("| CPU µs of a call, in process | " + " | ".join(found) + " |")
    print("| --- |" + " ---: |" * len(found))
    print("| `/{server}/mcp/call` | " + " | ".join(f"{each:.2f}" for each in found.values()) + " |")
