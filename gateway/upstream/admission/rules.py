"""Judges an entry that came by the admin API: when it comes, and whenever a server is made of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gateway.tool import ArgumentError
from gateway.upstream.config import Upstream
from gateway.upstream.destination.addresses import Network
from gateway.upstream.destination.destinations import REFUSED, Destinations
from gateway.upstream.expand import expanded, variables
from gateway.upstream.http.address import Address
from gateway.upstream.http.proxy.choice import DIRECT
from gateway.upstream.link import LinkFailure
from gateway.upstream.stdio.command import INHERITED
from gateway.upstream.stdio.container import CLIENT_ENVIRON

IMAGE = "image"
"""The word among the allowed programs that allows containers."""

LONGEST_START = 120.0
_FILES = ("tokenFile", "headersFile", "tls")
_LOADERS = re.compile(
    r"(LD_|DYLD_|PYTHON|NODE_|NPM_CONFIG_|UV_|PIP_|GIT_|PERL5|RUBY|JAVA_|_JAVA|BASH_|DOCKER_|CONTAINER).*"
    r"|PATH|ENV|SHELL|IFS|HOME|TMPDIR|CLASSPATH|JDK_JAVA_OPTIONS|.*_PROXY",
    re.IGNORECASE,
)
"""Variables that change which program runs, or what it loads."""


class Rules:
    """`stdio` are the programs that may run, `networks` may be reached besides the Internet, `env` may be read.

    `environ` has those variables, and what every child process gets.
    """

    def __init__(
        self, stdio: Sequence[str], networks: Sequence[Network], env: Sequence[str], environ: Mapping[str, str]
    ) -> None:
        self.destinations = Destinations(networks)
        self._programs = frozenset(stdio)
        self._env = frozenset(env)
        readable = self._env | {*INHERITED, *CLIENT_ENVIRON}
        self.environ = {name: environ[name] for name in readable if name in environ}

    def refusals(self, entry: Upstream) -> list[ArgumentError]:
        """Returns why an entry is not allowed, by its keys, without their values; nothing if it is."""
        fields = entry.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        found = [*self._variables("", fields), *self._files(fields)]
        if entry.start_timeout > LONGEST_START:
            found.append(
                _refused("startTimeout", f"at most {LONGEST_START:g} seconds, as other changes wait meanwhile")
            )
        found += self._process(entry) if entry.type == "stdio" else []
        return found or [*self._destinations(fields)]

    def urls(self, entry: Upstream) -> Iterator[tuple[str, str]]:
        """Yields each key of a URL that is connected to, with the URL."""
        fields = entry.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        for path, url in _urls(fields):
            yield path, expanded(url, self.environ, path)

    def _variables(self, path: str, value: Any) -> Iterator[ArgumentError]:
        if isinstance(value, str):
            for name in sorted(variables(value) - self._env):
                yield _refused(path, f"MCP_ADMIN_ENV does not allow the variable {name}")
        elif isinstance(value, dict):
            for key, each in value.items():
                yield from self._variables(f"{path}.{key}" if path else key, each)
        elif isinstance(value, list):
            for index, each in enumerate(value):
                yield from self._variables(f"{path}.{index}", each)

    def _files(self, fields: Mapping[str, Any]) -> Iterator[ArgumentError]:
        for key in _FILES:
            if key in fields:
                yield _refused(key, "the admin API names no files")
        if fields.get("proxy", DIRECT) != DIRECT:
            yield _refused("proxy", "entries of the admin API use no proxy")
        auth = fields.get("auth", {})
        for key in sorted({"tls", "privateKeyFile"} & auth.keys()):
            yield _refused(f"auth.{key}", "the admin API names no files")
        if auth.get("type") == "tokenExchange":
            yield _refused("auth.type", "the admin API passes on no tokens of callers")

    def _process(self, entry: Upstream) -> Iterator[ArgumentError]:
        if entry.image and IMAGE not in self._programs:
            yield _refused("image", "MCP_ADMIN_STDIO does not allow containers")
        if entry.command and (entry.command not in self._programs or entry.command == IMAGE):
            yield _refused("command", "MCP_ADMIN_STDIO does not allow this program")
        if entry.cwd:
            yield _refused("cwd", "the admin API names no folders")
        for name in entry.env:
            if _LOADERS.fullmatch(name):
                yield _refused(f"env.{name}", "the variable changes which program runs, or what it loads")
        for index, name in enumerate(entry.inherit_env):
            if name not in self._env:
                yield _refused(f"inheritEnv.{index}", "MCP_ADMIN_ENV does not allow the variable")

    def _destinations(self, fields: Mapping[str, Any]) -> Iterator[ArgumentError]:
        for path, url in _urls(fields):
            try:
                host = Address.parse(expanded(url, self.environ, path)).origin.host
            except LinkFailure as exc:
                yield _refused(path, str(exc))
                continue
            if self.destinations.refuses_literal(host):
                yield _refused(path, REFUSED)


def _urls(fields: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    auth = fields.get("auth", {})
    named = {"url": fields.get("url"), "auth.tokenUrl": auth.get("tokenUrl"), "auth.issuer": auth.get("issuer")}
    named |= {f"instances.{index}": each for index, each in enumerate(fields.get("instances", ()))}
    for path, url in named.items():
        if url:
            yield path, str(url.get("url", "")) if isinstance(url, dict) else str(url)


def _refused(path: str, reason: str) -> ArgumentError:
    return ArgumentError(path=path, reason=reason)
