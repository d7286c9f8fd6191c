"""`python -m gateway.auth`: creates, lists and revokes API keys."""

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
_MAX_MODE = 0o640
"""Others than the owner and the group never get access."""


def main(
    arguments: Sequence[str], environ: Mapping[str, str], now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> None:
    """Exits with 1 and one line on stderr if a command fails, with 2 if its arguments are wrong."""
    args = _parser(environ.get("MCP_AUTH_KEYS", "").strip()).parse_args(arguments)
    try:
        args.command(args, now())
    except (LoadError, OSError) as exc:
        sys.exit(f"gateway.auth: {exc}")


def create(args: Namespace, now: datetime) -> None:
    """Prints the key alone on stdout, so that a script can take it from there."""
    expires = _time(args.expires, now) if args.expires else None
    record, key = key_file.new_key(args.name, tuple(args.scope), expires, tuple(args.pin))
    with _editing(args.file) as found:
        if found.find(record.name) is not None:
            raise LoadError(f"key {record.name!r} exists; revoke it first, or choose another name")
        found.keys.append(record)
    print(key)
    print("The key is shown only once: the file stores its hash.", file=sys.stderr)


def list_keys(args: Namespace, now: datetime) -> None:
    found = key_file.read(args.file).keys
    rows = [("ID", "NAME", "SCOPES", "CREATED", "EXPIRES"), *(_row(key, now) for key in found)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())


def revoke(args: Namespace, now: datetime) -> None:
    """Removes the key from the file, and so from every router that reads it."""
    key_file.read(args.file)  # fails if the file is missing; `_editing` would create it
    with _editing(args.file) as found:
        key = found.find(args.key)
        if key is None:
            raise LoadError(f"unknown key {args.key!r}")
        found.keys.remove(key)
    print(f"revoked {key.name} ({key.id})")


def _row(key: Key, now: datetime) -> tuple[str, ...]:
    until = "never" if key.expires is None else f"{key.expires:%Y-%m-%dT%H:%M:%SZ}"
    expired = " (expired)" if key.has_expired(now.timestamp()) else ""
    return key.id, key.name, " ".join(key.scopes), f"{key.created:%Y-%m-%dT%H:%M:%SZ}", until + expired


def _time(text: str, now: datetime) -> datetime:
    """Parses `30d` (from now), a day (midnight UTC), or a time of RFC 3339."""
    days = _DAYS.fullmatch(text)
    try:
        time = now + timedelta(days=int(days[1])) if days else datetime.fromisoformat(text)
        time = (time if time.tzinfo is not None else time.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as exc:
        raise LoadError(f"--expires {text!r}: expected days from now (30d), or a day (2027-01-01)") from exc
    if time <= now:
        raise LoadError(f"--expires {text!r}: is in the past")
    return time


@contextmanager
def _editing(path: Path) -> Iterator[KeyFile]:
    """Yields the keys, and writes them back unless the body fails. Other commands wait meanwhile."""
    path = Path(os.path.realpath(path))  # replaces the file that a link points to, not the link
    # The folder is locked, as the file is replaced. Without the lock a `create` at the same time as a `revoke`
    # could write the revoked key back.
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        found = key_file.read(path) if path.exists() else KeyFile(keys=[])
        yield found
        _write(path, found)
    finally:
        os.close(folder)


def _write(path: Path, found: KeyFile) -> None:
    """Replaces the file at once, so that no reader sees half of it. Keeps its owner, its group and their access."""
    handle, name = mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            if path.exists():
                before = path.stat()
                # A router with another user or group must still be able to read what root has changed.
                os.fchown(handle, before.st_uid, before.st_gid)
                os.fchmod(handle, stat.S_IMODE(before.st_mode) & _MAX_MODE | stat.S_IRUSR | stat.S_IWUSR)
            file.write(found.model_dump_json(indent=2, exclude_defaults=True) + "\n")
            file.flush()
            os.fsync(handle)
        Path(name).replace(path)
    except BaseException:  # also on Ctrl-C: no temporary file with hashes may stay behind
        with suppress(OSError):
            Path(name).unlink()
        raise


def _parser(file: str) -> ArgumentParser:
    parser = ArgumentParser(prog="python -m gateway.auth", description="Manage the API keys of the router.")
    commands = parser.add_subparsers(title="commands", required=True)
    shared = ArgumentParser(add_help=False)
    shared.add_argument(
        "--file", type=Path, default=file or None, required=not file, help="the key file; default: MCP_AUTH_KEYS"
    )
    new = commands.add_parser("create", parents=[shared], help="create a key and print it")
    new.add_argument("--name", required=True, help="the owner or purpose of the key")
    new.add_argument(
        "--scope", required=True, action="append", help="math:add_tool, math:*, *:read_* or admin; repeatable"
    )
    new.add_argument(
        "--pin", action="append", default=[], help="math:search=2 or math:*=1, the versions of tools; repeatable"
    )
    new.add_argument("--expires", help="30d or 2027-01-01; default: never")
    new.set_defaults(command=create)
    commands.add_parser("list", parents=[shared], help="list the keys, without secrets").set_defaults(command=list_keys)
    old = commands.add_parser("revoke", parents=[shared], help="revoke a key")
    old.add_argument("key", metavar="NAME|ID")
    old.set_defaults(command=revoke)
    return parser
