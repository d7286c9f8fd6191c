"""The pin of a tool: a hash of what clients and models are told about it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from difflib import unified_diff
from hashlib import sha256
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

FIELDS = ("name", "title", "description", "inputSchema", "outputSchema", "annotations")


class Pin(BaseModel):
    """A definition in the upstream's own words, and its SHA-256 over canonical JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    definition: Mapping[str, Any]

    @classmethod
    def of(cls, tool: Mapping[str, Any]) -> Self:
        definition = {field: tool[field] for field in FIELDS if tool.get(field) is not None}
        return cls.model_construct(sha256=_hash(definition), definition=definition)

    @model_validator(mode="after")
    def _matches(self) -> Self:
        if _hash(self.definition) != self.sha256:  # the command would show another definition than the approved one
            raise ValueError("sha256 is not that of the definition")
        return self


def difference(before: Pin | None, after: Pin) -> list[str]:
    """Returns the lines of a unified diff. Characters beyond ASCII are escaped: some of them cannot be seen."""
    name = str(after.definition["name"])
    old = _lines(before.definition) if before is not None else []
    return list(unified_diff(old, _lines(after.definition), f"{name!a}, approved", f"{name!a}, now", lineterm=""))


def _lines(definition: Mapping[str, Any]) -> list[str]:
    return json.dumps(definition, sort_keys=True, indent=2).splitlines()


def _hash(definition: Mapping[str, Any]) -> str:
    return sha256(json.dumps(definition, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
