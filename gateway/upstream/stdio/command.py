"""How a child process is started: its program, arguments, environment and folder."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass

from gateway.upstream.config import Upstream
from gateway.upstream.expand import expanded
from gateway.upstream.link import LinkFailure
from gateway.upstream.stdio.container import CLIENT_ENVIRON, container_commands

INHERITED = ("HOME", "LOGNAME", "PATH", "SHELL", "TERM", "USER", "LANG", "TMPDIR")
"""All that a child gets of our environment, besides what its entry names."""

_PACKAGE_RUNNERS = {"npx": "Node", "node": "Node", "uvx": "uv", "uv": "uv", "docker": "Docker", "dnx": ".NET"}


@dataclass(frozen=True, slots=True)
class Command:
    """`after_kill` ends what a killed process leaves behind outside of its group."""

    arguments: tuple[str, ...]
    environ: Mapping[str, str]
    folder: str | None
    after_kill: tuple[str, ...] = ()


def command_of(entry: Upstream, environ: Mapping[str, str]) -> Command:
    """Returns the command of an entry, with the values of its variables.

    Raises:
        LinkFailure: a variable is not set, or there is no such program or folder. The reason has no value.
    """
    named = {name: environ[name] for name in entry.inherit_env if name in environ}
    named |= {name: expanded(value, environ, f"env.{name}") for name, value in entry.env.items()}
    own = {name: environ[name] for name in INHERITED if name in environ} | named
    arguments = [expanded(value, environ, f"args[{index}]") for index, value in enumerate(entry.args)]
    if entry.image:
        client = {name: environ[name] for name in CLIENT_ENVIRON if name in environ}
        run, remove = container_commands(entry, environ, named)
        return Command((*run, *arguments), client | own, None, tuple(remove))
    folder = os.path.expanduser(expanded(entry.cwd, environ, "cwd")) if entry.cwd else None
    if folder is not None and not os.path.isdir(folder):
        raise LinkFailure("cwd: there is no such folder", was_sent=False)
    name = os.path.expanduser(expanded(entry.command, environ, "command"))
    program = shutil.which(name if os.path.dirname(name) == "" or folder is None else os.path.join(folder, name))
    program = shutil.which(name, path=own.get("PATH")) if os.path.dirname(name) == "" else program
    if program is None:
        runner = _PACKAGE_RUNNERS.get(name)
        advice = f"; it comes with {runner}, which is not installed here" if runner is not None else ""
        raise LinkFailure(f"command: there is no program {entry.command!r}{advice}", was_sent=False)
    return Command((program, *arguments), own, folder)
