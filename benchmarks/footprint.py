"""Start time, memory and installed size of the router."""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.column import Column
from benchmarks.load import HERE, ON_SERVER_CORE
from benchmarks.targets import ADD, JSON

STARTS, CALLS, CONNECTIONS = 5, 50_000, 16
IMPORT_LINE = "import mcp.server, uvicorn, starlette"
HEALTH, CALL = "/health", "/bench/mcp/call"


@dataclass(frozen=True, slots=True)
class Start:
    """Seconds from the start of the process until it is ready: wall-clock time and CPU time."""

    wall: float
    cpu: float


@dataclass(frozen=True, slots=True)
class Footprint:
    """Start times of the router and of the bare imports; MiB after the start, and MiB added by 50,000 calls."""

    ours: Start
    imports: Start
    started: float
    growth: float


def measure(column: Column) -> Footprint:
    """Measures the router until /health is good, and the bare imports until they end. Medians of interleaved starts."""
    ours, imports = [], []
    for _ in range(STARTS):
        imports.append(start_of_import_line(column))
        ours.append(start_of_ours(column))
    return Footprint(median(ours), median(imports), *memory(column))


def start_of_ours(column: Column) -> Start:
    began = time.monotonic()
    with column.start("ours") as process:
        process.wait_for_answer(HEALTH, worst=200)
        return Start(time.monotonic() - began, process.cpu_seconds())


def start_of_import_line(column: Column) -> Start:
    command = [*ON_SERVER_CORE, sys.executable, "-c", IMPORT_LINE]
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(command, env=os.environ | column.environment, check=True)
    after, ended = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    return Start(ended - began, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def median(starts: Sequence[Start]) -> Start:
    return Start(statistics.median(s.wall for s in starts), statistics.median(s.cpu for s in starts))


def memory(column: Column) -> tuple[float, float]:
    body = column.folder / "growth.body"
    body.write_bytes(ADD)
    with column.start("ours") as process:
        process.wait_for_answer(HEALTH, worst=200)
        started = process.resident()
        process.load(CALL, JSON, body, CONNECTIONS, 1)
        warm, calls = process.resident(), 0
        while calls < CALLS:
            calls += process.load(CALL, JSON, body, CONNECTIONS, 2).requests
        return started, process.resident() - warm


def installed_megabytes() -> float:
    """Returns the size of a run-time installation in MB, with compiled modules and without pip."""
    requirements = HERE.parent / "requirements" / "run.lock"
    with tempfile.TemporaryDirectory() as folder:
        options = ["--quiet", "--quiet", "--no-deps", "--target", folder, "--requirement", str(requirements)]
        subprocess.run([sys.executable, "-m", "pip", "install", *options], check=True)
        return sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file()) / 1e6
