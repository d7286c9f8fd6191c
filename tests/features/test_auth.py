"""Settings that turn authentication on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from features.auth import Auth, address, auth
from features.feature import Feature
from gateway.caller import caller
from gateway.errors import LoadError
from gateway.telemetry.refusals import Refusals
from routes.pages.pages import Pages
from settings.values import Settings
from tests.features.made import names_of
from tests.keys import add_key

ISSUER: dict[str, Any] = {"auth_issuer": "https://issuer.example", "auth_audience": "https://router.example"}


@pytest.fixture
def keys(tmp_path: Path) -> str:
    add_key(tmp_path / "keys.json", "ci", "one:*")
    return str(tmp_path / "keys.json")


def test_without_keys_and_issuer_everything_is_empty() -> None:
    off = auth(Settings(), Refusals(), Pages())
    assert off == Auth()
    assert (off.access, off.authenticator, off.set_caller) == (None, None, caller.set)
    assert address(Settings()) == Feature()


def test_key_file_or_issuer_turns_on_every_part(keys: str) -> None:
    for settings in (Settings(auth_keys=keys), Settings(**ISSUER), Settings(auth_keys=keys, **ISSUER)):
        on = auth(settings, Refusals(), Pages())
        assert names_of(on.interceptors) == ["Authorization"]
        assert names_of(on.middleware) == ["Authenticate", "Bodies"]
        assert {route.path for route in on.routes} == {  # type: ignore[attr-defined]
            "/.well-known/oauth-protected-resource",
            "/.well-known/oauth-protected-resource{resource:path}",
        }
        assert on.access is not None
        assert on.authenticator is not None
        assert on.set_caller != caller.set
        assert names_of(address(settings).middleware) == ["Address"]


def test_only_open_metrics_need_no_credential(keys: str) -> None:
    for is_open, paths in ((False, ()), (True, ("/metrics",))):
        middleware, _ = auth(
            Settings(auth_keys=keys, metrics="/metrics", metrics_open=is_open), Refusals(), Pages()
        ).middleware
        assert middleware.kwargs["open_paths"] == paths


def test_wrong_settings_are_a_load_error(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match=r"missing\.json"):
        auth(Settings(auth_keys=str(tmp_path / "missing.json")), Refusals(), Pages())
    with pytest.raises(LoadError, match="MCP_AUTH_AUDIENCE"):
        auth(Settings(auth_issuer="https://issuer.example"), Refusals(), Pages())
