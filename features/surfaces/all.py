"""All surfaces. They are made last, since their routes need the names of all tools."""

from __future__ import annotations

from features.surfaces.admin import admin
from features.surfaces.console import console_pages
from features.surfaces.graphql import graphql
from features.surfaces.reach import Reach, Surface
from features.surfaces.websocket import web_sockets, websocket


def surfaces(reach: Reach) -> Surface:
    """Returns all that are on, as one.

    Raises:
        LoadError: a package that one needs is missing, or it cannot be used.
    """
    sockets = web_sockets(reach)
    made = [websocket(reach, sockets), admin(reach), console_pages(reach), graphql(reach, sockets)]
    return Surface(
        routes=[route for surface in made for route in surface.routes],
        server_routes=[route for surface in made for route in surface.server_routes],
        lifetimes=[lifetime for surface in made for lifetime in surface.lifetimes],
        streams=[stream for surface in made for stream in surface.streams],
    )
