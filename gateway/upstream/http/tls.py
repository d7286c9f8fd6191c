"""How the certificates of upstream servers are checked, and by which one they know us."""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from functools import cache

from gateway.upstream.expand import expanded
from gateway.upstream.link import LinkFailure
from gateway.upstream.parts import Tls


@cache
def default_context() -> ssl.SSLContext:
    """Returns the one context of the process: reading the certificates takes 30 ms."""
    return _for_http(ssl.create_default_context())


def context_of(tls: Tls, environ: Mapping[str, str]) -> ssl.SSLContext:
    """Raises LinkFailure if a file cannot be used."""
    files = {"ca": tls.ca, "cert": tls.cert, "key": tls.key}
    paths = {name: os.path.expanduser(expanded(path, environ, f"tls.{name}")) for name, path in files.items()}
    try:
        context = ssl.create_default_context(cafile=paths["ca"] or None)
        if paths["cert"]:
            context.load_cert_chain(paths["cert"], paths["key"] or None, password=_no_password)
    except ssl.SSLError as exc:
        raise LinkFailure(f"tls: {exc.reason or 'not a certificate with its key, in PEM'}", was_sent=False) from exc
    except (OSError, ValueError) as exc:
        reason = getattr(exc, "strerror", None) or "the key must have no password"
        raise LinkFailure(f"tls: {reason}", was_sent=False) from exc
    return _for_http(context)


def _for_http(context: ssl.SSLContext) -> ssl.SSLContext:
    context.set_alpn_protocols(["http/1.1"])
    return context


def _no_password() -> str:
    """Keeps OpenSSL from asking for the password at the terminal."""
    raise ValueError
