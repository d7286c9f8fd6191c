"""The parts of `server.json` (schema of 2025-12-11) that say how a server is run or reached."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from gateway.errors import LoadError

MAX_FILE = 1024 * 1024


class _Part(BaseModel):
    """Keys that say nothing here are ignored: titles, icons, those of later schemas."""

    model_config = ConfigDict(alias_generator=to_camel, extra="ignore", frozen=True)


class Input(_Part):
    """A text that is given, or that the user has to give. `variables` stand in `value` as `{name}`."""

    description: str = ""
    is_required: bool = False
    is_secret: bool = False
    value: str | None = None
    default: str | None = None
    choices: tuple[str, ...] = ()
    variables: Mapping[str, Input] = Field(default_factory=dict)


class Named(Input):
    """A header, or a variable of the environment."""

    name: Annotated[str, Field(min_length=1)]


class Argument(Input):
    type: Literal["positional", "named"]
    name: str = ""
    value_hint: str = ""
    is_repeated: bool = False


class Transport(_Part):
    type: str = "stdio"


class Package(_Part):
    registry_type: str
    registry_base_url: str = ""
    identifier: Annotated[str, Field(min_length=1)]
    version: str = ""
    file_sha256: Annotated[str, Field(alias="fileSha256")] = ""
    runtime_hint: str = ""
    runtime_arguments: Sequence[Argument] = ()
    package_arguments: Sequence[Argument] = ()
    environment_variables: Sequence[Named] = ()
    transport: Transport = Field(default_factory=Transport)


class Remote(_Part):
    type: str
    url: str
    headers: Sequence[Named] = ()
    variables: Mapping[str, Input] = Field(default_factory=dict)


class ServerJson(_Part):
    name: Annotated[str, Field(min_length=1)]
    status: str = "active"
    packages: Sequence[Package] = ()
    remotes: Sequence[Remote] = ()


def read_server_json(text: bytes) -> ServerJson:
    """Returns what a file says, or the answer of the registry's API, which has it under `server`. Raises LoadError."""
    if len(text) > MAX_FILE:
        raise LoadError(f"larger than {MAX_FILE} bytes")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise LoadError("not JSON") from exc
    inner = document.get("server") if isinstance(document, dict) else None
    document = inner if isinstance(inner, dict) else document
    if _is_old(document):
        raise LoadError("it is written for a schema before 2025-09-16, whose keys have other names")
    try:
        return ServerJson.model_validate(document)
    except ValidationError as exc:
        error = exc.errors(include_url=False, include_input=False, include_context=False)[0]
        raise LoadError(f"{'.'.join(map(str, error['loc'])) or 'the file'}: {error['msg']}") from exc


def _is_old(document: Any) -> bool:
    packages = document.get("packages") if isinstance(document, dict) else None
    parts = [each for each in packages if isinstance(each, dict)] if isinstance(packages, list) else []
    return any("registry_type" in each or "registry_name" in each for each in parts)
