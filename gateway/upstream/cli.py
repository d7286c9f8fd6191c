"""`python -m gateway.upstream`: approves the tools of a server that are new or changed."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path

from gateway.errors import LoadError
from gateway.naming import suggest
from gateway.upstream.pins.approval import approve as accept
from gateway.upstream.pins.approval import differences, hash_of
from gateway.upstream.pins.file import read


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
    return parser
