"""The changes by the admin API, newest last, in a file beside that of the servers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gateway.caller import caller
from gateway.errors import LoadError
from gateway.naming import cut

KEPT = 50
MAX_BYTES = 16 * 1024 * 1024
"""Bytes of the file; the oldest records make room."""

MAX_KEYS = 50
"""Changed keys that a record names for each server."""


class Change(BaseModel):
    """The entry of one server before and after; None for none."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    server: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None

    @property
    def keys(self) -> list[str]:
        """The keys that differ, such as `headers.Authorization`, without their values."""
        found = sorted(_different(self.before or {}, self.after or {}))
        return [cut(key) for key in found[:MAX_KEYS]]


class Record(BaseModel):
    """One change of the file. `caller` and `address` say who made it, and from where."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    number: int
    time: str
    caller: str
    address: str
    action: str
    changes: tuple[Change, ...]

    @classmethod
    def of(cls, number: int, action: str, changes: Iterable[Change]) -> Record:
        """Returns the record of a change that the present caller makes now."""
        who, now = caller.get(), datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return cls(
            number=number,
            time=now,
            caller=who.name or "",
            address=who.address,
            action=action,
            changes=tuple(changes),
        )

    def shown(self) -> dict[str, Any]:
        """Returns the record without any value of an entry."""
        document = self.model_dump(exclude={"changes"})
        return document | {"changes": [{"server": each.server, "keys": each.keys} for each in self.changes]}


class History(BaseModel):
    """The last `KEPT` records."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    records: tuple[Record, ...] = Field(default=())

    @property
    def last(self) -> int:
        return self.records[-1].number if self.records else 0

    def with_record(self, record: Record) -> History:
        """Returns the history with one more record, without those for which there is no room."""
        records = [*self.records, record][-KEPT:]
        sizes = [len(each.model_dump_json()) for each in records]
        while len(records) > 1 and sum(sizes) > MAX_BYTES:
            del records[0], sizes[0]
        return History(records=tuple(records))

    def undone(self, to: int) -> dict[str, dict[str, Any] | None]:
        """Returns the entries, by server, that make the file what it was after record `to`.

        Raises:
            KeyError: that is not kept any more, or there was none.
        """
        numbers = [record.number for record in self.records]
        if not numbers or not numbers[0] - 1 <= to <= numbers[-1]:
            raise KeyError(to)
        later = [record for record in self.records if record.number > to]
        return {change.server: change.before for record in reversed(later) for change in record.changes}


def read_history(path: Path) -> History:
    """Returns an empty history if there is no file. Raises LoadError if it cannot be read."""
    try:
        return History.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return History()
    except OSError as exc:
        raise LoadError(f"{path}: {exc.strerror}") from exc
    except ValidationError as exc:
        raise LoadError(f"{path}: not a history of changes") from exc


def _different(before: Mapping[str, Any], after: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for key in before.keys() | after.keys():
        old, new = before.get(key), after.get(key)
        if json.dumps(old, sort_keys=True) == json.dumps(new, sort_keys=True) and (key in before) == (key in after):
            continue
        if isinstance(old, dict) or isinstance(new, dict):
            parts = [each if isinstance(each, dict) else {} for each in (old, new)]
            yield from _different(parts[0], parts[1], f"{prefix}{key}.")
        else:
            yield prefix + key
