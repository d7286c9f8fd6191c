"""The resources that the suite reads: text, bytes, one that clients watch, and a template."""

import json

from everything_media import PNG
from mcp.server.mcpserver.resources import BinaryResource, Resource, TextResource

TEMPLATE = "test://template/{id}/data"

RESOURCES: list[Resource] = [
    TextResource(
        uri="test://static-text",
        name="static-text",
        description="A text that never changes",
        mime_type="text/plain",
        text="This is the content of the static text resource.",
    ),
    BinaryResource(
        uri="test://static-binary",
        name="static-binary",
        description="An image of one pixel",
        mime_type="image/png",
        data=PNG,
    ),
    TextResource(
        uri="test://watched-resource",
        name="watched-resource",
        description="A text that a client may subscribe to",
        mime_type="text/plain",
        text="Watched resource content",
    ),
]


def template_data(id: str) -> str:  # noqa: A002
    """The data behind one id"""
    return json.dumps({"id": id, "templateTest": True, "data": f"Data for ID: {id}"})
