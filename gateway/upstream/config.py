"""The file of upstream servers, as Claude Desktop, Cursor and VS Code have it: `{"mcpServers": {"NAME": {…}}}`."""

from __future__ import annotations

import json
import logging
import re
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ByteSize, Field, ValidationError
from pydantic.alias_generators import to_snake

from gateway.errors import LoadError
from gateway.naming import RESERVED
from gateway.tool import ArgumentError
from gateway.upstream.expand import CALLER_ID, variables
from gateway.upstream.instances.addresses import MAX_INSTANCES, check_instances
from gateway.upstream.parts import Auth, Part, Timeout, Tls, Tools, check_auth, transport_of

logger = logging.getLogger(__name__)
MAX_FILE = 1024 * 1024
IDLE = 300.0
"""The `idleTimeout` of processes that are not shared."""

IGNORED = frozenset({"alwaysAllow", "autoApprove", "autoStart", "description", "name", "iconPath", "trust", "gallery"})
"""Keys of other programs that say nothing about how a server is reached."""
_CHILDREN_ONLY = frozenset({"image", "max_memory", "process", "max_processes"})
_OF_PROCESSES = {"env", "args", "cwd"}
_FOR_CHILDREN = "'image', 'maxMemory', 'process' and 'maxProcesses'"


class Upstream(Part):
    """One entry. `${NAME}` in texts is replaced at each start. Times are seconds, sizes bytes or texts as `512 MiB`.

    `era` is the protocol that is spoken; `auto` asks the server. `idempotent` has patterns of tools that may be called
    twice, and `drain` is the time for the last calls of an instance. `pin` says what becomes of a tool whose definition
    has changed since it was approved, and `process` for whom there is a child process. The admin API writes `source`
    and `restarted`, a time: an entry whose source is `api` is held to the rules of the API.
    """

    type: Literal["stdio", "http", "sse"]
    command: str = ""
    image: str = ""
    args: tuple[str, ...] = ()
    env: dict[str, str] = Field(default_factory=dict)
    inherit_env: tuple[str, ...] = ()
    cwd: str = ""
    url: str = ""
    instances: Annotated[tuple[str, ...], Field(min_length=1, max_length=MAX_INSTANCES)] = ()
    idempotent: tuple[str, ...] = ()
    drain: Annotated[float, Field(ge=0)] = 30.0
    headers: dict[str, str] = Field(default_factory=dict)
    headers_file: str = ""
    token_file: str = ""
    auth: Auth | None = None
    proxy: str = ""
    tls: Tls | None = None
    disabled: bool = False
    disabled_tools: tuple[str, ...] = ()
    timeout: Timeout = None
    start_timeout: Annotated[float, Field(gt=0)] = 30.0
    idle_timeout: Annotated[float | None, Field(gt=0)] = None
    era: Literal["auto", "legacy", "modern"] = "auto"
    max_message: Annotated[ByteSize, Field(ge=1024)] = ByteSize(16 * 1024 * 1024)
    max_memory: Annotated[ByteSize, Field(ge=1024 * 1024)] | None = None
    tools: Tools = Field(default_factory=Tools)
    pin: Literal["off", "warn", "block"] = "off"
    process: Literal["shared", "caller", "session"] = "shared"
    max_processes: Annotated[int, Field(ge=1)] = 16
    source: Literal["file", "api"] = "file"
    restarted: str = ""

    @property
    def idle(self) -> float | None:
        """The seconds without a request after which a link is closed; None for never."""
        return self.idle_timeout or (None if self.process == "shared" else IDLE)

    @property
    def exchanges_tokens(self) -> bool:
        """True if the server knows each caller by a token of its own."""
        return self.auth is not None and self.auth.type == "tokenExchange"


KEYS = sorted(["transport", *(field.alias or name for name, field in Upstream.model_fields.items())])


def read_upstreams(path: Path) -> dict[str, Upstream]:
    """Returns the entries by the name under which each is served, without those that are disabled.

    Raises:
        LoadError: the file cannot be read, or an entry is not valid. The message never has a value of the file.
    """
    return {name: entry for name, entry in upstreams_in(path, read_document(path)).items() if not entry.disabled}


def read_document(path: Path) -> Any:
    """Returns the JSON of the file. Raises LoadError."""
    try:
        if path.stat().st_size > MAX_FILE:
            raise LoadError(f"MCP_SERVERS_FILE={str(path)!r}: larger than {MAX_FILE} bytes")
        return json.loads(path.read_bytes())
    except OSError as exc:
        raise LoadError(f"MCP_SERVERS_FILE={str(path)!r}: {exc.strerror}") from exc
    except ValueError as exc:
        raise LoadError(f"MCP_SERVERS_FILE={str(path)!r}: not JSON: {exc}") from exc


def upstreams_in(path: Path, document: Any) -> dict[str, Upstream]:
    """Returns all entries of the file by their names. Raises LoadError."""
    found: dict[str, Upstream] = {}
    for key, entry in entries_in(path, document).items():
        name = server_name(key)
        if name in found:
            raise LoadError(f"{path}: two servers would be named {name!r}")
        found[name] = upstream_of(f"{path}: server {key!r}", entry)
    return found


def entries_in(path: Path, document: Any) -> dict[str, Any]:
    """Returns the entries under `mcpServers`, VS Code's `servers`, or of the bare object."""
    if isinstance(document, dict):
        for key in ("mcpServers", "servers"):
            if isinstance(document.get(key), dict):
                return document[key]  # type: ignore[no-any-return]
        if all(isinstance(entry, dict) for entry in document.values()):
            return document
    raise LoadError(f'{path}: expected {{"mcpServers": {{"NAME": {{"command": ...}}}}}}')


def server_name(key: str) -> str:
    """Returns the name in URLs: `Brave Search` is `brave-search`. Raises LoadError if there can be no such server."""
    name = re.sub(r"[^a-z0-9_-]+", "-", key.lower()).strip("-_")
    if not name or name in RESERVED:
        raise LoadError(f"MCP_SERVERS_FILE: {key!r} cannot be the name of a server")
    return name


def upstream_of(place: str, entry: Any) -> Upstream:
    """Returns an entry. Raises LoadError, whose `errors` name the keys of wrong values."""
    if not isinstance(entry, dict):
        raise LoadError(f"{place}: expected an object")
    for key in entry.keys() - IGNORED - set(KEYS):
        nearest = get_close_matches(key, KEYS, n=1)
        meant = f"; did you mean {nearest[0]!r}?" if nearest else ""
        logger.warning("%s: the key %r is not known, and is ignored%s", place, key, meant)
    known = {key: value for key, value in entry.items() if key in KEYS}
    known.setdefault("type", known.pop("transport", None))
    try:
        upstream = Upstream.model_validate(known | {"type": transport_of(known)})
    except ValidationError as exc:
        found = exc.errors(include_input=False, include_url=False, include_context=False)
        errors = [ArgumentError(path=".".join(map(str, error["loc"])), reason=error["msg"]) for error in found]
        refused = LoadError(f"{place}: {errors[0]['path']}: {errors[0]['reason']}")
        refused.errors = errors
        raise refused from None
    if upstream.type != "stdio" and _CHILDREN_ONLY & upstream.model_fields_set:
        raise LoadError(f"{place}: {_FOR_CHILDREN} are for child processes, and it has a URL")
    if upstream.type == "sse" and upstream.era == "modern":
        raise LoadError(f"{place}: the transport 'sse' is of the era of sessions, and its 'era' is 'modern'")
    needed = "command" if upstream.type == "stdio" else "url"
    if not getattr(upstream, needed) and not upstream.image and not upstream.instances:
        raise LoadError(f"{place}: {needed!r} is missing")
    if upstream.image and upstream.command:
        raise LoadError(f"{place}: 'command' and 'image' exclude each other; the words for the image are 'args'")
    _check_credentials(place, upstream)
    _check_several(place, upstream)
    return _of_callers(place, upstream)


def _of_callers(place: str, upstream: Upstream) -> Upstream:
    if CALLER_ID in variables(upstream.model_dump_json(exclude=_OF_PROCESSES)):
        raise LoadError(f"{place}: ${{{CALLER_ID}}} may only be in 'env', 'args' and 'cwd'")
    if upstream.process != "shared" or CALLER_ID not in variables(upstream.model_dump_json(include=_OF_PROCESSES)):
        return upstream
    if "process" in upstream.model_fields_set:
        raise LoadError(f"{place}: 'process' is 'shared', and ${{{CALLER_ID}}} names one caller")
    return upstream.model_copy(update={"process": "caller"})


def _check_several(place: str, upstream: Upstream) -> None:
    if "drain" in upstream.model_fields_set and not upstream.instances:
        raise LoadError(f"{place}: 'drain' is for servers with 'instances'")
    if upstream.instances and upstream.type != "http":
        raise LoadError(f"{place}: 'instances' are servers of the type 'http'")
    if upstream.instances and upstream.url:
        raise LoadError(f"{place}: 'url' and 'instances' exclude each other")
    check_instances(place, upstream.instances)


def _check_credentials(place: str, upstream: Upstream) -> None:
    given = [name for name in ("auth", "tokenFile") if getattr(upstream, to_snake(name))]
    if given and upstream.type == "stdio":
        raise LoadError(f"{place}: {given[0]!r} is for servers with a URL; a child process gets its own by 'env'")
    given += [f"headers.{name}" for name in upstream.headers if name.lower() == "authorization"]
    if len(given) > 1:
        raise LoadError(f"{place}: {given[0]!r} and {given[1]!r} exclude each other")
    if upstream.auth is not None:
        check_auth(place, upstream.auth)
