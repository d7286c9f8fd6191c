"""All surfaces. They are made last, since their routes need the names of all tools."""

from __future__ import annotations

from features.admin import admin
from features.reach import Reach, Surface
from features.websocket import websocket


def surfaces(reach: Reach) -> Surface:
    """Returns all that are on, as one.

    Raises:
        LoadError: a package that one needs is missing, or it cannot be used.
    """
    made = [websocket(reach), admin(reach)]
    return Surface(
        routes=[route for surface in made for route in surface.routes],
        server_routes=[route for surface in made for route in surface.server_routes],
        lifetimes=[lifetime for surface in made for lifetime in surface.lifetimes],
        streams=[stream for surface in made for stream in surface.streams],
    )
