"""`python -m gateway.upstream`: approves tools that are new or changed, and imports entries of the MCP registry."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path

from gateway.errors import LoadError
from gateway.naming import suggest
from gateway.upstream.config import server_name
from gateway.upstream.pins.approval import approve as accept
from gateway.upstream.pins.approval import differences, hash_of
from gateway.upstream.pins.file import read
from gateway.upstream.published.entries import entry_of, name_of
from gateway.upstream.published.server_json import MAX_FILE, read_server_json
from gateway.upstream.servers_file.adding import add_entry


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> None:
    """Exits with 1 and one line on stderr if a command fails, with 2 if its arguments are wrong."""
    args = _parser(environ.get("MCP_PINS_FILE", "").strip()).parse_args(arguments)
    try:
        args.command(args)
    except (LoadError, OSError, EOFError) as exc:
        sys.exit(f"gateway.upstream: {exc}")


def approve(args: Namespace) -> None:
    """Shows what has changed, and approves exactly that."""
    servers = read(args.file).servers
    if args.server not in servers:
        raise LoadError(f"{args.file}: there is no server {args.server!r}.{suggest(args.server, servers)}")
    found = servers[args.server]
    for lines in differences(found).values():
        print("\n".join(lines))
    if not found.pending:
        print(f"{args.server}: nothing has changed")
        return
    if not args.yes and not _agrees(len(found.pending)):
        raise LoadError("nothing was approved; --yes approves without a question")
    accept(args.file, args.server, hash_of(found.pending))
    print(f"{args.server}: approved {len(found.pending)}")


def import_entry(args: Namespace) -> None:
    """Prints the entry on stdout, or adds it to a file, and prints on stderr what there is to set."""
    with sys.stdin.buffer if args.file == "-" else open(args.file, "rb") as file:
        text = file.read(MAX_FILE + 1)
    try:
        server = read_server_json(text)
        name = server_name(args.name) if args.name else name_of(server)
        entry, inputs = entry_of(server, name, package=args.package, remote=args.remote)
    except LoadError as exc:
        raise LoadError(f"{args.file}: {exc}") from exc
    if args.write is not None:
        add_entry(args.write, name, entry, replaces=args.replace)
    if server.status != "active":
        print(f"the registry says that it is {server.status!a}", file=sys.stderr)
    for note in inputs.notes:
        print(ascii(note)[1:-1] if not note.isprintable() else note, file=sys.stderr)
    print(json.dumps({"mcpServers": {name: entry}}, indent=2) if args.write is None else f"{name}: in {args.write}")


def _agrees(count: int) -> bool:
    return sys.stdin.isatty() and input(f"Approve {count}? [y/N] ").strip().lower() in ("y", "yes")


def _parser(file: str) -> ArgumentParser:
    parser = ArgumentParser(prog="python -m gateway.upstream", description="Manage servers that run elsewhere.")
    commands = parser.add_subparsers(title="commands", required=True)
    new = commands.add_parser("approve", help="show the tools that are new or changed, and approve them")
    new.add_argument("server", metavar="NAME", help="the server's name in URLs")
    new.add_argument(
        "--file", type=Path, default=file or None, required=not file, help="the file of pins; default: MCP_PINS_FILE"
    )
    new.add_argument("--yes", action="store_true", help="do not ask")
    new.set_defaults(command=approve)
    new = commands.add_parser("import", help="print or add the entry for a server of the official MCP registry")
    new.add_argument("file", metavar="SERVER_JSON", help="its server.json, or the answer of the registry; - for stdin")
    new.add_argument("--name", help="the server's name in URLs; default: the last part of its name there")
    which = new.add_mutually_exclusive_group()
    which.add_argument("--package", type=int, metavar="N", help="use this package, counted from 0")
    which.add_argument("--remote", type=int, metavar="N", help="use this remote, counted from 0")
    new.add_argument("--write", type=Path, metavar="FILE", help="add the entry to this file, and do not print it")
    new.add_argument("--replace", action="store_true", help="let it take the place of an entry of its name there")
    new.set_defaults(command=import_entry)
    return parser
