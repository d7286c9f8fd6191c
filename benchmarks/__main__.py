"""`python -m benchmarks`: measures the router and its alternatives in one run. targets.py lists them.

The tables go to standard output and, after a full run, to benchmarks/results.md. A slow figure does not fail the run;
a wrong answer does.
"""

import argparse
import asyncio
import importlib.metadata
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks import footprint, scale
from benchmarks.column import Column, has_uvloop
from benchmarks.features import FEATURE_GOALS, FEATURES, OFF
from benchmarks.load import HERE, WrongAnswerError
from benchmarks.tables import Figures, goal_table, load_table
from benchmarks.targets import GOALS, TARGETS, Target
from benchmarks.upstreams import GROUP, UPSTREAM_GOALS, UPSTREAMS, idle_line, installed

PREAMBLE = """# Cost of a call

Output of `make bench` (`python -m benchmarks`): medians of {rounds} interleaved rounds of half a second. Each server
has one worker; the server and wrk each have one core. CPU is the CPU time of the server process for one request. A
ratio is the median of the CPU ratios of the rounds. Python {python}, {versions}.
"""
ALL = [*TARGETS, *UPSTREAMS, *FEATURES]
PACKAGES = ("mcp", "starlette", "uvicorn", "httptools", "pydantic", "fastapi")


def main() -> None:
    options = arguments()
    targets = [target for target in ALL if options.only in ("", target.group) or options.only in target.name]
    with_upstreams = any(target.group == GROUP for target in targets)
    targets = installed(targets) if with_upstreams else targets
    with_footprint = options.only == "footprint" or not (options.only or options.quick)
    with_scale = options.only == "scale" or not (options.only or options.quick)
    if not targets and not with_footprint and not with_scale:
        raise SystemExit(f"--only {options.only}: no such group or target")
    for tool in ("wrk", "taskset"):
        if shutil.which(tool) is None:
            raise SystemExit(f"{tool} is missing: apt-get install wrk util-linux")
    loops = ["asyncio"] + ["uvloop"] * (has_uvloop() and not options.quick)
    rounds = options.rounds or (3 if options.quick else 10)
    ports = iter(range(20_000 + os.getpid() % 10_000, 32_000))
    columns = []
    with tempfile.TemporaryDirectory() as folder:
        for loop in loops:
            column = Column(loop, Path(folder), ports)
            loads = column.measure(targets, rounds)
            columns.append(Figures(loop, loads, footprint.measure(column) if with_footprint else None))
        idle = [idle_line(*column.idle_memory())] if with_upstreams else []
    size = footprint.installed_megabytes() if with_footprint else None
    scaled = [asyncio.run(scale.measure())] if with_scale else []
    report = "\n".join([preamble(rounds), *tables(targets, columns, size), *idle, *scaled])
    print(report)
    if not (options.quick or options.only):
        (HERE / "results.md").write_text(report)


def tables(targets: Sequence[Target], columns: Sequence[Figures], size: float | None) -> Iterator[str]:
    """Yields the tables of the router and its alternatives, then those of the router with each feature."""
    beside = [target for target in targets if target.group != OFF.group]
    with_features = [target for target in targets if target.group == OFF.group]
    if beside or size is not None:
        yield load_table(beside, columns)
        yield goal_table([*GOALS, *UPSTREAM_GOALS], columns, size)
    if with_features:
        yield load_table(with_features, columns)
        yield goal_table(FEATURE_GOALS, columns)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Measure the router and its alternatives."
    )
    parser.add_argument("--quick", action="store_true", help="three rounds, asyncio only, no footprint, no file")
    parser.add_argument("--rounds", type=int, metavar="N", help="rounds of half a second for each target")
    only = "a group, part of a target's name, footprint, or scale"
    parser.add_argument("--only", default="", metavar="NAME", help=only)
    return parser.parse_args()


def preamble(rounds: int) -> str:
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)
    return PREAMBLE.format(rounds=rounds, python=platform.python_version(), versions=versions)


try:
    main()
except WrongAnswerError as exc:
    sys.exit(f"wrong answer: {exc}")
