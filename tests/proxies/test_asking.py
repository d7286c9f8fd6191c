"""Calls that ask, over three replicas behind nginx, which hands each request to the next of them."""

from __future__ import annotations

import secrets
import subprocess
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.ports import free_port
from tests.process.live.asking.rounds import FOLDERS, STATELESS, WAYS, Door
from tests.process.live.router import Router

pytestmark = pytest.mark.proxies

FILE = """
daemon off; pid {folder}/pid; error_log {folder}/error.log;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  upstream replicas {{ server 127.0.0.1:{ports[0]}; server 127.0.0.1:{ports[1]}; server 127.0.0.1:{ports[2]}; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://replicas; proxy_http_version 1.1; proxy_set_header Host localhost;
      proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $http_connection;
    }}
  }}
}}
"""


def test_every_continuation_is_understood_by_three_replicas_with_one_setting(tmp_path: Path) -> None:
    settings = {"MCP_STATE_KEYS": secrets.token_hex(32), "MCP_SERVERS_DIR": FOLDERS}
    with ExitStack() as stack:
        routers: list[Router] = []
        for name in ("one", "two", "three"):
            (tmp_path / name).mkdir()
            routers.append(stack.enter_context(Router(tmp_path / name, **settings)))
        port, file = free_port(), tmp_path / "nginx.conf"
        ports = [router.await_table().port for router in routers]
        file.write_text(FILE.format(folder=tmp_path, ports=ports, port=port))
        nginx = stack.enter_context(subprocess.Popen(["nginx", "-c", str(file), "-e", str(tmp_path / "error.log")]))
        stack.callback(nginx.terminate)
        while not (tmp_path / "pid").exists():
            time.sleep(0.01)
        front: Any = SimpleNamespace(port=port)
        results = Counter(way(Door(front), tool) for way in WAYS for tool in STATELESS for _ in range(27))
        assert results == {"cake of size 3": 27 * 8}
