"""The command of an entry that names an image: a container that ends with its standard input."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping

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


def run_command(entry: Upstream, environ: Mapping[str, str], names: Iterable[str]) -> list[str]:
    """Returns the program and the arguments before those of the entry.

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
    limit = ["--memory", f"{entry.max_memory}b"] if entry.max_memory is not None else []
    folder = ["--workdir", expanded(entry.cwd, environ, "cwd")] if entry.cwd else []
    variables = [word for name in names for word in ("-e", name)]
    return [program, *_OPTIONS, *limit, *folder, *variables, image]
