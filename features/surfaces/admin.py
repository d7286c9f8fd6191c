"""The admin API: `MCP_ADMIN=1` registers and changes servers that run elsewhere while the router runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from features.named import name_servers
from features.surfaces.reach import Reach, Surface
from gateway.errors import LoadError


def admin(reach: Reach) -> Surface:
    """Raises LoadError without authentication, or without a file of servers that it could change."""
    settings = reach.settings
    if not settings.admin:
        return Surface()
    if reach.features.auth.authenticator is None:
        raise LoadError("MCP_ADMIN needs authentication: set MCP_AUTH_KEYS or MCP_AUTH_ISSUER")
    if not settings.servers_file:
        raise LoadError("MCP_ADMIN needs MCP_SERVERS_FILE, the file that it changes")
    from gateway.admin.changes import Changes
    from gateway.admin.descriptions import Descriptions
    from gateway.admin.probe import Probe
    from gateway.admin.servers_file import ServersFile
    from routes.admin.api import admin_routes
    from routes.admin.changes import FileChanges
    from routes.admin.servers import Servers

    upstream, following = reach.begun.upstream, reach.begun.following
    assert upstream is not None
    assert following is not None
    file = ServersFile(
        Path(settings.servers_file), lambda path: name_servers(replace(settings, servers_file=str(path)))
    )
    shown = Descriptions(reach.registry, settings.pins_file)
    changes = Changes(file, reach.registry, following, shown, probe=Probe(upstream), rules=upstream.rules())
    servers = Servers(
        file, changes, shown, upstream.last_lines, pins_file=settings.pins_file, max_body=settings.max_body
    )
    refused = reach.features.refusals
    routes = admin_routes(servers, FileChanges(file, changes, settings.max_body), refused)
    if settings.console:
        from routes.admin.api import console_routes
        from routes.console.pages import ROOT

        routes += console_routes(ROOT, servers, refused)
    return Surface(routes=routes)
