"""The command of an entry that names an image: a container that ends with its standard input."""

from __future__ import annotations

import asyncio
import shutil
from asyncio.subprocess import DEVNULL
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from secrets import token_hex

from gateway.upstream.config import Upstream
from gateway.upstream.expand import expanded
from gateway.upstream.link import LinkFailure

CLIENT_ENVIRON = (
    "DOCKER_HOST",
    "DOCKER_CONTEXT",
    "DOCKER_CONFIG",
    "DOCKER_CERT_PATH",
    "DOCKER_TLS_VERIFY",
    "CONTAINER_HOST",
    "XDG_RUNTIME_DIR",
)
"""Variables that lead the client to its daemon. The container does not get them."""

REMOVAL = 5.0
"""Seconds that the daemon has to remove a container."""

_PROGRAMS = ("docker", "podman")
_OPTIONS = (
    "run",
    "--rm",
    "-i",
    "--init",
    "--cap-drop",
    "ALL",
    "--security-opt",
    "no-new-privileges",
    "--pull",
    "never",
)


def container_commands(
    entry: Upstream, environ: Mapping[str, str], names: Iterable[str]
) -> tuple[Sequence[str], Sequence[str]]:
    """Returns the command that runs the container, without the arguments of the entry, and the one that removes it.

    The container gets the variables of these `names` from the client's environment: a value on the command line could
    be seen by every user.

    Raises:
        LinkFailure: there is no client, or no image of this name could be.
    """
    program = next(filter(None, (shutil.which(name, path=environ.get("PATH")) for name in _PROGRAMS)), None)
    if program is None:
        raise LinkFailure("image: neither docker nor podman is installed here", was_sent=False)
    image = expanded(entry.image, environ, "image")
    if not image or image.startswith("-"):
        raise LinkFailure("image: this is not the name of an image", was_sent=False)
    name = f"multi-mcp-{token_hex(8)}"
    limit = ["--memory", f"{entry.max_memory}b"] if entry.max_memory is not None else []
    folder = ["--workdir", expanded(entry.cwd, environ, "cwd")] if entry.cwd else []
    variables = [word for each in names for word in ("-e", each)]
    return [program, *_OPTIONS, "--name", name, *limit, *folder, *variables, image], [program, "rm", "-f", name]


async def remove(command: Sequence[str], environ: Mapping[str, str]) -> None:
    """Runs the command that removes a container, whose client was killed: the container does not notice that."""
    with suppress(OSError):
        process = await asyncio.create_subprocess_exec(
            *command, env=dict(environ), stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL
        )
        try:
            await asyncio.wait_for(process.wait(), REMOVAL)
        except TimeoutError:
            process.kill()
            await process.wait()
