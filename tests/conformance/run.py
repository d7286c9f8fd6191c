"""Runs one leg of the official conformance suite against a URL, and prints the result."""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any, TypeAlias

HERE = Path(__file__).resolve().parent
SUITE = HERE / "node_modules/@modelcontextprotocol/conformance/dist/index.js"
LEGS = ("2025-11-25", "2026-07-28")

Checks: TypeAlias = list[dict[str, Any]]


def conformance(*arguments: str) -> str:
    """Returns the output of the suite. Its exit code is ignored, since the files that it writes have more detail."""
    node = shutil.which("node", path=os.pathsep.join([str(HERE / "node_modules/.bin"), os.environ["PATH"]]))
    if node is None or not SUITE.exists():
        sys.exit("The conformance suite is not installed. Run `make node_modules` first.")
    return subprocess.run([node, str(SUITE), *arguments], capture_output=True, text=True, check=False).stdout


def required(leg: str) -> list[str]:
    """Returns the server scenarios that the revision scores."""
    listing = conformance("list", "--requirements", leg)
    section = listing.partition("Server scenarios")[2].partition("\n\n")[0]
    return re.findall(r"^  - (\S+)", section, re.MULTILINE)


def run(url: str, leg: str, only: list[str]) -> dict[str, Checks]:
    """Returns the checks of every scenario that ran, scored or not."""
    with tempfile.TemporaryDirectory() as folder:
        common = ("server", "--url", url, "--output-dir", folder)
        if only:
            for scenario in only:
                conformance(*common, "--spec-version", leg, "--scenario", scenario)
        else:
            conformance(*common, "--requirements", leg)
        return {
            re.sub(r"^server-|-\d{4}-\d\d-\d\dT\S+$", "", path.parent.name): json.loads(path.read_text())
            for path in sorted(Path(folder).glob("*/checks.json"))
        }


def tally(checks: Checks) -> str:
    count = Counter(check["status"] for check in checks)
    return f"{count['SUCCESS']} checks passed, {count['FAILURE']} failed, {count['WARNING']} warnings"


def failing(scored: list[str], results: dict[str, Checks]) -> list[str]:
    """Returns the scored scenarios that failed. A scenario that did not run has failed."""
    return [
        scenario
        for scenario in scored
        if scenario not in results or any(check["status"] == "FAILURE" for check in results[scenario])
    ]


def answered(results: dict[str, Checks]) -> bool:
    """Returns False if no server answered. `wire-schema-valid` passes even without an answer, so it does not count."""
    checks = [check for scenario in results.values() for check in scenario]
    return any(check["status"] == "SUCCESS" and check["id"] != "wire-schema-valid" for check in checks)


def report(leg: str, scored: list[str], results: dict[str, Checks]) -> None:
    for scenario in scored:
        if scenario not in results:
            print(f"{scenario}: did not run")
        for check in results.get(scenario, []):
            if check["status"] in ("FAILURE", "WARNING"):
                print(f"{scenario}: {check['status'].lower()}: {check['name']}: {check.get('errorMessage')}"[:300])
    others = failing([scenario for scenario in results if scenario not in scored], results)
    if others:
        print("failing, but not scored:", ", ".join(others))
    passed = len(scored) - len(failing(scored, results))
    checks = [check for scenario in scored for check in results.get(scenario, [])]
    print(f"{leg}: {passed} of {len(scored)} scenarios passed; {tally(checks)}")


def names(value: str) -> list[str]:
    return [name for name in value.split(",") if name]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--leg", required=True, choices=LEGS)
    parser.add_argument("--expect-failures", type=names, default=[], help="the scenarios that must fail, and no other")
    parser.add_argument("--only", type=names, default=[], help="run and score these scenarios alone")
    options = parser.parse_args()

    scored = options.only or required(options.leg)
    results = run(options.url, options.leg, options.only)
    if not answered(results):
        print(f"Nothing passed: is there a server at {options.url}?")
        return 1
    report(options.leg, scored, results)
    surprises = set(failing(scored, results)) ^ set(options.expect_failures)
    if surprises:
        print("not as expected:", ", ".join(sorted(surprises)))
    return 1 if surprises else 0


if __name__ == "__main__":
    sys.exit(main())
