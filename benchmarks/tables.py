"""Formats the figures as Markdown tables."""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.footprint import Footprint
from benchmarks.load import Load
from benchmarks.targets import Goal, Target


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures of one event loop: the rounds of each target by name, and the footprint if it was measured."""

    loop: str
    loads: Mapping[str, Sequence[Load]]
    footprint: Footprint | None


def load_table(targets: Sequence[Target], columns: Sequence[Figures]) -> str:
    """Returns the table of medians."""
    head = [cell for column in columns for cell in (f"{column.loop}: CPU µs", "requests/s", "p50 ms", "p99 ms")]
    rows = [[target.name] + [cell for column in columns for cell in load_cells(column.loads[target.name])]
            for target in targets]  # fmt: skip
    return table(["each request", *head], rows)


def load_cells(loads: Sequence[Load]) -> list[str]:
    return [
        f"{statistics.median(load.cpu for load in loads):,.0f}",
        f"{statistics.median(load.rate for load in loads):,.0f}",
        f"{statistics.median(load.p50 for load in loads):,.2f}",
        f"{statistics.median(load.p99 for load in loads):,.2f}",
    ]


def goal_table(goals: Sequence[Goal], columns: Sequence[Figures], installed: float | None = None) -> str:
    """Returns the table of goals. `installed` is in MB and adds the footprint."""
    rows = [*ratio_rows(goals, columns)]
    if installed is not None:
        rows += [*footprint_rows([column.footprint for column in columns if column.footprint])]
        rows.append(["site-packages without pip, MB", "46", *[verdict(installed, 46)] * len(columns)])
    return table(["goal", "at most", *(column.loop for column in columns)], rows) if rows else ""


def ratio_rows(goals: Sequence[Goal], columns: Sequence[Figures]) -> Iterable[list[str]]:
    for goal in goals:
        if goal.measured in columns[0].loads and goal.against in columns[0].loads:
            pairs = [(column.loads[goal.measured], column.loads[goal.against]) for column in columns]
            limit = f"{goal.limit} x" if goal.limit else "-"
            yield [f"{goal.measured} / {goal.against}", limit, *(compared(*pair, goal.limit) for pair in pairs)]


def compared(measured: Sequence[Load], against: Sequence[Load], limit: float | None) -> str:
    """Returns median and range of the ratios within each round, where both targets meet the same noise."""
    ratios = [one.cpu / other.cpu for one, other in zip(measured, against, strict=True)]
    return f"{verdict(statistics.median(ratios), limit)} ({min(ratios):.2f} to {max(ratios):.2f})"


def footprint_rows(footprints: Sequence[Footprint]) -> Iterable[list[str]]:
    if not footprints:
        return
    cpu = [(each.ours.cpu, each.imports.cpu, 1.25) for each in footprints]
    clock = [(each.ours.wall, each.imports.wall, None) for each in footprints]
    yield ["cold start / bare imports, CPU", "1.25 x", *(seconds(*start) for start in cpu)]
    yield ["the same by the clock", "-", *(seconds(*start) for start in clock)]
    yield ["resident after start, MiB", "75", *(verdict(each.started, 75) for each in footprints)]
    yield ["growth over 50,000 calls, MiB", "3", *(verdict(each.growth, 3) for each in footprints)]


def seconds(ours: float, imports: float, limit: float | None) -> str:
    return f"{verdict(ours / imports, limit)} ({ours:.2f} s / {imports:.2f} s)"


def verdict(value: float, limit: float | None) -> str:
    if limit is None:
        return f"{value:.2f}"
    return f"{value:.2f} {'pass' if round(value, 2) <= limit else '**miss**'}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
