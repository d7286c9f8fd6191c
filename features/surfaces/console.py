"""The data of the console and its calls: all that is served at `/console` besides its pages."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from features.surfaces.reach import Reach, Surface
from settings.reader import setting_of
from settings.values import Settings


def console_pages(reach: Reach) -> Surface:
    """Returns the data that the pages read, and the calls that they make."""
    made, settings = reach.features.console, reach.settings
    if made.feed is None or made.source is None:
        return Surface()
    from routes.console.data import Data
    from routes.console.events import Events
    from routes.console.pages import ROOT
    from routes.json_api.call import CallAny
    from routes.router import both

    refused = reach.features.refusals
    events = Events(made.source, refused)
    data = Data(
        made.source,
        reach.registry,
        refused,
        made.logins,
        settings=_declared(settings),
        with_arguments=settings.console_arguments,
        sessions=made.feed.sessions,
        has_admin=settings.admin,
    )
    stream = both(f"{ROOT}/data/events", events, ["GET"])
    calls = both(f"{ROOT}/call", CallAny(reach.names, settings.max_body), ["POST"])
    return Surface(routes=[*stream, *calls, *data.routes()], streams=[events])


def _declared(settings: Settings) -> list[dict[str, Any]]:
    """Returns the name and the meaning of each setting, and if it is set. No value: it may be a secret."""
    rows = []
    for each in fields(settings):
        declared = setting_of(each)
        is_set = getattr(settings, each.name) != declared.default
        rows.append({"name": declared.name, "meaning": declared.meaning, "set": is_set, "default": declared.shown})
    return rows
