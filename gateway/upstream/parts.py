"""Parts of an entry of the file of upstream servers."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

logger = logging.getLogger(__name__)
MAX_MILLISECONDS = 1000
"""A `timeout` above it is taken for milliseconds, as other programs write it."""

_TYPES = {"streamable-http": "http", "streamableHttp": "http", "streamable_http": "http"}


def _seconds(value: Any) -> Any:
    if isinstance(value, int | float) and value > MAX_MILLISECONDS:
        logger.warning("MCP_SERVERS_FILE: timeout %s is taken for milliseconds", value)
        return value / 1000
    return value


Timeout = Annotated[float | None, BeforeValidator(_seconds), Field(gt=0)]


class Part(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True, populate_by_name=False)


class Tools(Part):
    """Which tools of an upstream are served, and how. Patterns may contain `*`."""

    include: tuple[str, ...] = ("*",)
    exclude: tuple[str, ...] = ()
    rename: dict[str, str] = Field(default_factory=dict)
    describe: dict[str, str] = Field(default_factory=dict)


class Tls(Part):
    """Files in PEM: of those who vouch for the server, instead of the system's, and of our own certificate and key."""

    ca: str = ""
    cert: str = ""
    key: str = ""


class Auth(Part):
    """How the router gets access tokens for a server: for itself, or for each caller in exchange for its own.

    The endpoint is `token_url`, that of `issuer`, or that of the issuer which the server names. `resource` is by
    default the server's URL if there is no `audience`. `tls` is for the authorization server.
    """

    type: Literal["clientCredentials", "tokenExchange"]
    client_id: Annotated[str, Field(min_length=1)]
    client_secret: str = ""
    client_auth: Literal["basic", "post"] = "basic"
    token_url: str = ""
    issuer: str = ""
    scope: str = ""
    resource: str | None = None
    audience: str = ""
    tls: Tls | None = None


def transport_of(entry: Mapping[str, Any]) -> Any:
    """Returns the transport of an entry, which most files leave out."""
    named = entry.get("type")
    if named is not None:
        return _TYPES.get(named, named) if isinstance(named, str) else named
    if "command" in entry or not entry.keys() & {"url", "instances"}:
        return "stdio"
    if "instances" in entry:
        return "http"
    return "sse" if str(entry["url"]).rstrip("/").endswith("/sse") else "http"
