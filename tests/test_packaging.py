"""The Makefile, the locks and the Dockerfile, tested without installing or building."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
RUN_TIME = ROOT / "requirements" / "run.lock"
OPTIONAL = ROOT / "requirements" / "optional.lock"
TEST = ROOT / "requirements" / "test.lock"
MAKES = ROOT / "requirements" / "makes.lock"
MANIFESTS = ROOT / "requirements" / "manifests.lock"

# Replaces python3 and the python of the environment that it creates. It records its arguments.
PYTHON = """#!/bin/sh
echo "$PORT $*" >>calls
case "$*" in
  "-m venv --clear "*) mkdir -p "$4/bin" && cp "$0" "$4/bin/python" && [ ! -e no-venv ] ;;
  *run.lock) [ ! -e no-network ] ;;
esac
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Returns a clean clone with a Python that installs nothing."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    shutil.copytree(ROOT / "requirements", tmp_path / "requirements")
    (tmp_path / "python3").write_text(PYTHON)
    (tmp_path / "python3").chmod(0o755)
    return tmp_path


def make(clone: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environ = {"PATH": f"{clone}{os.pathsep}{os.environ['PATH']}", "PORT": "8000"}
    return subprocess.run(["make", *words], cwd=clone, env=environ, capture_output=True, text=True, check=False)


def calls(clone: Path) -> list[str]:
    """Returns the recorded calls of Python since the last call of this function."""
    lines = (clone / "calls").read_text().splitlines() if (clone / "calls").exists() else []
    (clone / "calls").unlink(missing_ok=True)
    return [line for line in lines if "sys.exit" not in line]


def pins(lock: Path) -> dict[str, str]:
    text = lock.read_text(encoding="utf-8").replace("\\\n", " ")
    found = (re.match(r"(\S+)==([^ ;]+)", line) for line in text.splitlines())
    return {pin[1].replace("_", "-").lower(): pin[2] for pin in found if pin}


def requirements(name: str) -> list[Requirement]:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def commands() -> set[str]:
    return set(re.findall(r"^([a-z_]+):.*## ", MAKEFILE, re.MULTILINE))


def test_first_run_creates_an_environment_installs_the_lock_and_serves(clone: Path) -> None:
    assert make(clone, "run").returncode == 0
    made, installed, served = calls(clone)
    assert made == "8000 -m venv --clear .venv"
    assert installed.endswith("install --no-deps --require-hashes -r requirements/run.lock")
    assert served == "8000 app.py"


def test_second_run_installs_nothing(clone: Path) -> None:
    make(clone, "run")
    calls(clone)
    assert make(clone, "run").returncode == 0
    assert calls(clone) == ["8000 app.py"]


def test_changed_lock_is_installed(clone: Path) -> None:
    make(clone, "install")
    calls(clone)
    after = (clone / ".venv" / "installed").stat().st_mtime + 10
    os.utime(clone / "requirements" / "run.lock", (after, after))
    make(clone, "install")
    assert [call.split()[-1] for call in calls(clone)] == ["requirements/run.lock"]


@pytest.mark.parametrize("trouble", ["no-venv", "no-network"])
def test_failed_install_is_retried(clone: Path, trouble: str) -> None:
    (clone / trouble).touch()
    assert make(clone, "run").returncode != 0
    *_, failed = calls(clone)
    (clone / trouble).unlink()
    assert make(clone, "run").returncode == 0
    again, *_, served = calls(clone)
    assert (again, served) == (failed, "8000 app.py")


def test_setting_on_the_make_line_overrides_the_environment(clone: Path) -> None:
    make(clone, "run", "PORT=9000")
    assert calls(clone)[-1] == "9000 app.py"


@pytest.mark.parametrize(
    ("python", "reason"), [("false", "false is older"), ("no-such-python", "no-such-python was not found")]
)
def test_old_or_missing_python_is_reported_in_one_sentence(clone: Path, python: str, reason: str) -> None:
    ended = make(clone, "run", f"PYTHON={python}")
    assert ended.returncode != 0
    assert ended.stderr.splitlines()[0].startswith(f"multi-mcp needs Python 3.11 or newer, and {reason}; ")


def test_every_lock_is_installed_without_resolving_it_again() -> None:
    installs = re.findall(r"^\t.*\$\((PIP|LOCKED)\) (.*)$", MAKEFILE, re.MULTILINE)
    assert {variable for variable, what in installs if what.endswith(".lock")} == {"LOCKED"}
    assert re.search(r"^LOCKED := \$\(PIP\) --no-deps --require-hashes -r$", MAKEFILE, re.MULTILINE)


def test_make_dev_watches_every_servers_folder(clone: Path) -> None:
    make(clone, "dev", "MCP_SERVERS_DIR=mcp_servers:my servers")
    served = calls(clone)[-1]
    assert "-m uvicorn app:app --reload --reload-dir mcp_servers --reload-dir my servers " in served
    assert "--host 127.0.0.1 --port 8000 --timeout-graceful-shutdown 1 " in served
    assert "--no-proxy-headers" in served


def test_make_without_arguments_lists_every_command(clone: Path) -> None:
    listed = {line.split()[1] for line in make(clone).stdout.splitlines()}
    phony = re.search(r"^\.PHONY: ((?:.*\\\n)*.*)", MAKEFILE, re.MULTILINE)
    assert phony is not None
    assert listed == commands() == set(phony[1].replace("\\", "").split()) - {"node_modules"}


def test_ci_calls_only_these_commands() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    called = re.search(r"for command in (.*); do", script)
    assert called is not None
    assert {"check", "cover"} < set(called[1].split()) <= commands()
    assert re.search(r"pytest|ruff|mypy", script) is None


@pytest.mark.parametrize(
    "marker",
    ["slow", "process", "conformance", "node", "vendors", "generators", "fuzz", "soak", "redis", "browser", "proxies"],
)
def test_every_marker_excluded_from_make_test_has_its_own_command(marker: str) -> None:
    run = rf"(tests/\w+|\$\(HERE\)) -m {marker}( --ignore (\S+))?( --numprocesses \d)?( --dist loadfile)?$"
    found = re.search(rf"^\t\$\(PYTEST\) {run}", MAKEFILE, re.MULTILINE)
    assert found is not None
    assert found[3] is None or f"\t$(PYTEST) {found[3]} -m {marker}\n" in MAKEFILE  # that file runs alone


@pytest.mark.parametrize(
    ("name", "lock"),
    [
        ("requirements.txt", RUN_TIME),
        ("requirements/optional.txt", OPTIONAL),
        ("requirements/optional.txt", TEST),
        ("requirements/test.txt", TEST),
        ("requirements/makes.txt", MAKES),
        ("requirements/manifests.txt", MANIFESTS),
    ],
    ids=lambda value: Path(value).name,
)
def test_every_requirement_is_bounded_and_pinned_within_its_bounds(name: str, lock: Path) -> None:
    for requirement in requirements(name):
        operators = {bound.operator for bound in requirement.specifier}
        assert operators >= {">=", "<"} or operators == {"=="}, requirement
        assert requirement.specifier.contains(pins(lock)[requirement.name]), requirement


def test_other_locks_contain_the_pins_of_the_run_time() -> None:
    assert pins(RUN_TIME).items() <= pins(OPTIONAL).items() <= pins(TEST).items()
    assert pins(RUN_TIME).items() <= pins(MAKES).items()


@pytest.mark.parametrize("lock", [RUN_TIME, OPTIONAL, TEST, MAKES, MANIFESTS], ids=lambda lock: lock.name)
def test_lock_contains_only_pins_and_hashes(lock: Path) -> None:
    pin = r"[a-z0-9-]+==[\w.]+( ; [\w.<>!='\" ]+)? \\"
    for line in lock.read_text(encoding="utf-8").splitlines():
        assert re.fullmatch(rf"{pin}|    --hash=sha256:[0-9a-f]{{64}}( \\)?", line), line


def test_files_copied_into_the_image_exist_and_are_not_ignored() -> None:
    admitted = set((ROOT / ".dockerignore").read_text(encoding="utf-8").split())
    copied = re.findall(r"^COPY (?!--from)(\S+) ", DOCKERFILE, re.MULTILINE)
    assert {"app.py", "settings", "features", "process", "gateway", "routes", "mcp_servers"} < set(copied)
    assert [name for name in copied if f"!{name}" not in admitted or not list(ROOT.glob(name))] == []


def test_make_container_builds_the_target_that_is_asked_for(clone: Path) -> None:
    assert make(clone, "-n", "container").stdout == "docker build -t multi-mcp .\n"
    built = make(clone, "-n", "container", "TARGET=tools", "IMAGE=multi-mcp-tools").stdout
    assert built == "docker build --target tools -t multi-mcp-tools .\n"
