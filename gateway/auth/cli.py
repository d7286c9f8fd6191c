"""`python -m gateway.auth`: makes API keys, lists them, takes them back."""

from __future__ import annotations

import fcntl
import os
import re
import stat
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import mkstemp

from gateway.auth import api_key_file as key_file
from gateway.auth.api_key_file import Key, KeyFile
from gateway.errors import LoadError

_DAYS = re.compile(r"([1-9][0-9]{0,4})d")
_READABLE_BY_THE_GROUP = 0o640


def main(
    arguments: Sequence[str], environ: Mapping[str, str], now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> None:
    """Exit code 1 and one line where it cannot be done, 2 where it is asked for in the wrong way."""
    asked = _parser(environ.get("MCP_AUTH_KEYS", "").strip()).parse_args(arguments)
    try:
        asked.command(asked, now())
    except (LoadError, OSError) as exc:
        sys.exit(f"gateway.auth: {exc}")


def create(asked: Namespace, now: datetime) -> None:
    """The key is printed, alone on standard output; it is not kept."""
    expires = _time(asked.expires, now) if asked.expires else None
    record, key = key_file.new_key(asked.name, tuple(asked.scope), expires)
    with _changed(asked.file) as found:
        if found.find(record.name) is not None:
            raise LoadError(f"there is a key {record.name!r} already; revoke it, or choose another name")
        found.keys.append(record)
    print(key)
    print("This is the one time that the key is shown: the file has only its hash.", file=sys.stderr)
    for scope in record.scopes:
        if ":" not in scope and scope != "admin":
            print(f"{scope!r} opens no tool by itself: a scope is server:tool, or admin.", file=sys.stderr)


def show(asked: Namespace, now: datetime) -> None:
    found = key_file.read(asked.file).keys
    rows = [("ID", "NAME", "SCOPES", "CREATED", "EXPIRES"), *(_row(key, now) for key in found)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())


def revoke(asked: Namespace, now: datetime) -> None:
    """From the file, and so from every router that reads it."""
    key_file.read(asked.file)  # where there is no file, none is made
    with _changed(asked.file) as found:
        key = found.find(asked.key)
        if key is None:
            raise LoadError(f"there is no key {asked.key!r}")
        found.keys.remove(key)
    print(f"revoked {key.name} ({key.id})")


def _row(key: Key, now: datetime) -> tuple[str, ...]:
    until = "never" if key.expires is None else f"{key.expires:%Y-%m-%dT%H:%M:%SZ}"
    expired = " (expired)" if key.has_expired(now.timestamp()) else ""
    return key.id, key.name, " ".join(key.scopes), f"{key.created:%Y-%m-%dT%H:%M:%SZ}", until + expired


def _time(text: str, now: datetime) -> datetime:
    """`30d` from now, a day, which begins at midnight UTC, or a time of RFC 3339."""
    days = _DAYS.fullmatch(text)
    try:
        time = now + timedelta(days=int(days[1])) if days else datetime.fromisoformat(text)
        time = (time if time.tzinfo is not None else time.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as exc:
        raise LoadError(f"--expires {text!r}: expected days from now (30d), or a day (2027-01-01)") from exc
    if time <= now:
        raise LoadError(f"--expires {text!r}: this is past")
    return time


@contextmanager
def _changed(path: Path) -> Iterator[KeyFile]:
    """The keys, to be changed, and written when all went well. Another command waits meanwhile."""
    path = Path(os.path.realpath(path))  # a link to the file stays one
    with _locked(path.parent):
        found = key_file.read(path) if path.exists() else KeyFile(keys=[])
        yield found
        _write(path, found)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """The folder is locked, as the file itself is replaced."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _write(path: Path, found: KeyFile) -> None:
    """All or nothing, whoever reads meanwhile. An owner and a group that may read stay as they are; nobody else may."""
    handle, name = mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            if path.exists():
                before = path.stat()
                os.fchown(handle, before.st_uid, before.st_gid)
                os.fchmod(handle, stat.S_IMODE(before.st_mode) & _READABLE_BY_THE_GROUP | stat.S_IRUSR | stat.S_IWUSR)
            file.write(found.model_dump_json(indent=2) + "\n")
            file.flush()
            os.fsync(handle)
        Path(name).replace(path)
    except BaseException:  # whatever happened, what is half made goes
        with suppress(OSError):
            Path(name).unlink()
        raise


def _parser(file: str) -> ArgumentParser:
    parser = ArgumentParser(prog="python -m gateway.auth", description="API keys of the router.")
    commands = parser.add_subparsers(title="commands", required=True)
    where = ArgumentParser(add_help=False)
    where.add_argument("--file", type=Path, default=file or None, required=not file, help="default: MCP_AUTH_KEYS")
    new = commands.add_parser("create", parents=[where], help="make a key, and print it once")
    new.add_argument("--name", required=True, help="whose it is, or what for")
    new.add_argument(
        "--scope", required=True, action="append", help="math:add_tool, math:*, *:read_*, admin; may be repeated"
    )
    new.add_argument("--expires", help="30d or 2027-01-01; default: never")
    new.set_defaults(command=create)
    commands.add_parser("list", parents=[where], help="show the keys, not their secrets").set_defaults(command=show)
    gone = commands.add_parser("revoke", parents=[where], help="take a key back")
    gone.add_argument("key", metavar="NAME|ID")
    gone.set_defaults(command=revoke)
    return parser
