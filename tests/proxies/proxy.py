"""nginx, HAProxy and Caddy as child processes, each with its file of `deploy/`."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.ports import free_port
from tests.proxies.certificate import Certificate

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
FILES = {"nginx": "multi-mcp.conf", "haproxy": "haproxy.cfg", "caddy": "Caddyfile"}
NGINX = """
daemon off;
worker_processes 1;
pid nginx.pid;
error_log stderr;
USER
events { worker_connections 256; }
http {
    access_log off;
    client_body_temp_path bodies;
    proxy_temp_path answers;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    include multi-mcp.conf;
}
"""
"""What Debian's own file has around ours, with all its paths in the folder of the test."""

CADDY = "{\n\tadmin off\n\tauto_https disable_redirects\n}\n"
"""Options that keep it from other ports."""


class Proxy:
    """A proxy that listens with TLS on a free port."""

    def __init__(self, name: str, port: int, certificate: Certificate) -> None:
        self.name = name
        self.port = port
        self.context = certificate.context
        self.url = f"https://localhost:{port}"

    def connection(self, source: str = "127.0.0.1") -> http.client.HTTPSConnection:
        """Returns a connection from one of the addresses of the loopback interface."""
        return http.client.HTTPSConnection(
            "localhost", self.port, context=self.context, timeout=60, source_address=(source, 0)
        )

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        source: str = "127.0.0.1",
    ) -> tuple[int, Any]:
        """Returns the status and the JSON of an answer. A body is JSON unless it is bytes or chunks of them."""
        connection = self.connection(source)
        encoded = json.dumps(body) if isinstance(body, dict) else body
        try:
            connection.request(method, path, encoded, {"content-type": "application/json", **(headers or {})})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def call(self, server: str, tool: str, **arguments: Any) -> tuple[int, Any]:
        return self.ask("POST", f"/{server}/mcp/call", {"tool": tool, "arguments": arguments})


def configuration(name: str, port: int, router: int, certificate: Certificate, changes: Mapping[str, str]) -> str:
    """Returns the proxy's file of `deploy/` with these ports and this certificate. Each change must fit somewhere."""
    public, key, both = map(str, (certificate.certificate, certificate.key, certificate.both))
    own = {
        "nginx": {
            "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
            "/etc/ssl/private/tools.example.com.pem": public,
            "/etc/ssl/private/tools.example.com.key": key,
        },
        "haproxy": {"bind :443": f"bind 127.0.0.1:{port}", "/etc/haproxy/tools.example.com.pem": both},
        "caddy": {"\ntools.example.com {": f"\nlocalhost:{port} {{\n\ttls {public} {key}"},
    }[name]
    text = (DEPLOY / name / FILES[name]).read_text(encoding="utf-8")
    for old, new in {"127.0.0.1:8000": f"127.0.0.1:{router}", **own, **changes}.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


def command(name: str, folder: Path, text: str) -> list[str]:
    """Writes the files of a proxy, and returns the command that starts it in the foreground."""
    (folder / FILES[name]).write_text(CADDY + text if name == "caddy" else text)
    if name == "nginx":
        (folder / "nginx.conf").write_text(NGINX.replace("USER", "user root;" if os.getuid() == 0 else ""))
        return ["nginx", "-p", str(folder), "-c", "nginx.conf", "-e", "stderr"]
    if name == "haproxy":
        return ["haproxy", "-db", "-f", FILES[name]]
    return ["caddy", "run", "--config", FILES[name], "--adapter", "caddyfile"]


@contextmanager
def proxied(
    name: str, folder: Path, router: int, certificate: Certificate, changes: Mapping[str, str] | None = None
) -> Iterator[Proxy]:
    """Starts a proxy in front of the router's port, and ends it."""
    port = free_port()
    arguments = command(name, folder, configuration(name, port, router, certificate, changes or {}))
    environ = {"PATH": os.environ["PATH"] + ":/usr/sbin", "HOME": str(folder)}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(arguments, cwd=folder, env=environ, stdout=log, stderr=log)
    try:
        for _ in range(1000):
            with suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
                break
            assert process.poll() is None, (folder / "log").read_text()
            time.sleep(0.01)
        yield Proxy(name, port, certificate)
    finally:
        process.terminate()
        process.wait()
