"""Variables that begin with `MCP_` and are no setting."""

from __future__ import annotations

from dataclasses import fields

import pytest

from settings.reader import setting_of
from settings.unknown import unknown
from settings.values import Settings


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("MCP_ALLOWED_HOST", "MCP_ALLOWED_HOST: there is no such setting; did you mean MCP_ALLOWED_HOSTS?"),
        ("MCP_RATELIMIT", "MCP_RATELIMIT: there is no such setting; did you mean MCP_RATE_LIMIT?"),
        ("MCP_PORT", "MCP_PORT: there is no such setting; did you mean PORT?"),
        ("MCP_REDIS_URL", "MCP_REDIS_URL: there is no such setting; did you mean REDIS_URL?"),
        ("MCP_", "MCP_: there is no such setting"),
        ("MCP_WEATHER_TOKEN", "MCP_WEATHER_TOKEN: there is no such setting"),
    ],
)
def test_variable_that_is_no_setting_is_named_with_the_nearest_one(name: str, line: str) -> None:
    assert [*unknown({name: "secret", "PATH": "", "OTHER": ""}, Settings)] == [line]


def test_settings_are_known() -> None:
    assert [*unknown([setting_of(each).name for each in fields(Settings)], Settings)] == []
