"""Makes an entry of the file of servers from what the registry says of a server."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from gateway.errors import LoadError
from gateway.upstream.config import server_name, upstream_of
from gateway.upstream.published.inputs import Inputs, plain
from gateway.upstream.published.server_json import Argument, Package, Remote, ServerJson

_EXACT = re.compile(r"v?[0-9][0-9A-Za-z.+!_-]*")
_IDENTIFIER = re.compile(r"(?:@[A-Za-z0-9._~-]+/)?[A-Za-z0-9_][A-Za-z0-9._-]*")
_IMAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:@-]*")
_HOMES: Mapping[str, Sequence[str]] = {
    "npm": ("https://registry.npmjs.org",),
    "pypi": ("https://pypi.org", "https://pypi.org/simple"),
    "nuget": ("https://api.nuget.org", "https://api.nuget.org/v3/index.json"),
}
_RUNNERS = {"npm": "npx", "pypi": "uvx", "nuget": "dnx"}
_REMOTE_TYPES = {"streamable-http": "http", "sse": "sse"}


def entry_of(
    server: ServerJson, name: str, *, package: int | None, remote: int | None
) -> tuple[dict[str, Any], Inputs]:
    """Returns an entry, and the notes on it: of a package or a remote by its number, or of the first that can be used.

    Raises:
        LoadError: it cannot be expressed as an entry; the message says why.
    """
    inputs = Inputs(name)
    if package is not None:
        entry = _package(_at(server.packages, package, "package"), inputs)
    elif remote is not None:
        entry = _remote(_at(server.remotes, remote, "remote"), inputs)
    else:
        entry, inputs = _first(server, name)
    upstream_of(f"server {name!r}", entry)
    return entry, inputs


def name_of(server: ServerJson) -> str:
    """Returns the name in URLs: `io.github.user/weather` is `weather`. Raises LoadError."""
    return server_name(server.name.rpartition("/")[2])


def _at(found: Sequence[Any], number: int, kind: str) -> Any:
    if not 0 <= number < len(found):
        raise LoadError(f"it has no {kind} {number}; they are counted from 0, and there are {len(found)}")
    return found[number]


def _first(server: ServerJson, name: str) -> tuple[dict[str, Any], Inputs]:
    reasons: list[str] = []
    ways: list[tuple[str, Callable[[Inputs], dict[str, Any]]]] = []
    for index, package in enumerate(server.packages):
        ways.append((f"package {index}", partial(_package, package)))
    for index, remote in enumerate(server.remotes):
        ways.append((f"remote {index}", partial(_remote, remote)))
    for label, make in ways:
        inputs = Inputs(name)
        try:
            entry = make(inputs)
        except LoadError as exc:
            reasons.append(f"{label}: {exc}")
            continue
        others = [other for other, _ in ways if other != label]
        inputs.notes += [f"used {label}; there is also {', '.join(others)}"] if others else []
        return entry, inputs
    raise LoadError("; ".join(reasons) or "it has no packages and no remotes")


def _package(package: Package, inputs: Inputs) -> dict[str, Any]:
    if package.transport.type != "stdio":
        raise LoadError(f"it serves {package.transport.type!r} itself: start it, and write an entry with its URL")
    if package.registry_type == "oci":
        return _image(package, inputs)
    runner = _RUNNERS.get(package.registry_type)
    if runner is None:
        raise LoadError(f"packages of the kind {package.registry_type!r} are not supported")
    if package.runtime_hint not in ("", runner):
        raise LoadError(f"it is run by {package.runtime_hint!r}, and not by {runner!r}")
    if package.registry_base_url.rstrip("/") not in ("", *_HOMES[package.registry_type]):
        raise LoadError("it comes from another registry than the public one")
    if package.file_sha256:
        raise LoadError(f"fileSha256: {runner!r} cannot check the hash of a package")
    if not _IDENTIFIER.fullmatch(package.identifier):
        raise LoadError("identifier: this is not the name of a package")
    before, after = (_arguments(each, inputs) for each in (package.runtime_arguments, package.package_arguments))
    pinned = f"{package.identifier}@{_version(package)}"
    if runner == "npx":
        args = [*([] if {"-y", "--yes"} & {*before} else ["-y"]), *before, pinned, *after]
    elif runner == "dnx":
        args = [pinned, "--yes", *before, *(["--", *after] if after else [])]
    else:
        args = [*before, pinned, *after]
    return _with_env({"command": runner, "args": args}, package, inputs)


def _image(package: Package, inputs: Inputs) -> dict[str, Any]:
    """Options of the container's client cannot be expressed, except variables."""
    if package.runtime_hint not in ("", "docker", "podman"):
        raise LoadError(f"it is run by {package.runtime_hint!r}, and not by 'docker' or 'podman'")
    image, base = package.identifier, package.registry_base_url.rstrip("/").partition("://")[2]
    if base and base != "docker.io" and not image.startswith(f"{base}/"):
        image = f"{base}/{image}"
    last = image.rpartition("/")[2]
    if "@" not in image and ":" not in last:
        image = f"{image}:{_version(package)}"
    elif "@" not in image and not _EXACT.fullmatch(last.partition(":")[2]):
        raise LoadError("identifier: the tag of the image is no exact version")
    if not _IMAGE.fullmatch(image):
        raise LoadError("identifier: this is not the name of an image")
    variables: dict[str, str] = {}
    for each in package.runtime_arguments:
        words = inputs.arguments((each,))
        name, is_set, value = words[1].partition("=") if len(words) == 2 else ("", "", "")
        if words and (words[0] not in ("-e", "--env") or not is_set):
            raise LoadError(f"runtimeArguments: {each.name or each.value or each.value_hint!r} is not supported")
        variables |= {name: value} if words else {}
    entry: dict[str, Any] = {"image": image}
    if args := _arguments(package.package_arguments, inputs):
        entry["args"] = args
    return _with_env(entry, package, inputs, variables)


def _remote(remote: Remote, inputs: Inputs) -> dict[str, Any]:
    if remote.type not in _REMOTE_TYPES:
        raise LoadError(f"remotes of the type {remote.type!r} are not supported")
    entry: dict[str, Any] = {"type": _REMOTE_TYPES[remote.type], "url": inputs.text(remote.url, remote.variables)}
    if headers := inputs.headers(tuple(remote.headers)):
        entry["headers"] = headers
    inputs.notes.append("nobody has checked who runs the server at this URL")
    return entry


def _with_env(
    entry: dict[str, Any], package: Package, inputs: Inputs, more: Mapping[str, str] | None = None
) -> dict[str, Any]:
    env = {**(more or {}), **inputs.variables(tuple(package.environment_variables))}
    return entry | ({"env": env} if env else {})


def _arguments(arguments: Sequence[Argument], inputs: Inputs) -> list[str]:
    return inputs.arguments(tuple(arguments))


def _version(package: Package) -> str:
    version = plain(package.version)
    if not _EXACT.fullmatch(version) or "x" in version.lower().split("."):
        raise LoadError("version: an exact one is needed, as a package may change under any other")
    return version
