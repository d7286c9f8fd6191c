"""The command `uvicorn app:app`, whose defaults differ from those of `python app.py`."""

from __future__ import annotations

import logging
from typing import Any

from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from process.address import is_loopback, warn_of_open_address
from process.shutdown import running_server

logger = logging.getLogger(__name__)


def correct_uvicorn(authenticated: bool) -> None:
    """Removes uvicorn's own reading of `X-Forwarded-For`, and warns of an open address. Call it in the lifespan.

    By default uvicorn believes the header of every local client, and replaces the address before the application sees
    it. `python app.py` has set up its server already.
    """
    config: Any = getattr(running_server(), "config", None)
    found = getattr(config, "loaded_app", None)
    if isinstance(found, ProxyHeadersMiddleware):
        config.loaded_app = found.app  # connections, which are accepted after this, take the application from here
        logger.warning("--proxy-headers of uvicorn is ignored: only MCP_TRUSTED_PROXIES names the trusted proxies")
    if not authenticated and _listens_openly(config):
        warn_of_open_address(f"{config.host}:{config.port}")


def _listens_openly(config: Any) -> bool:
    has_address = config is not None and config.uds is None and config.fd is None
    return has_address and not is_loopback(config.host)
