"""Every setting: its name in the environment, default, range and meaning. Read once, when the process starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from settings.access import Access
from settings.admin import Admin
from settings.console import Console
from settings.graphql import GraphQL
from settings.reader import setting_of
from settings.serving import Serving
from settings.sharing import Sharing
from settings.telemetry import Telemetry
from settings.versions import Versions


@dataclass(frozen=True)
class Settings(Admin, GraphQL, Console, Versions, Telemetry, Sharing, Access, Serving):
    """Times are seconds, sizes are bytes. docs/settings.md has a row for each field, those of `Serving` first."""

    def __post_init__(self) -> None:
        # A session lives in the memory of one worker, and its next request may reach another one.
        if self.workers > 1:
            object.__setattr__(self, "stateless", True)
        # Other workers and replicas read in the file what one of them was told.
        if self.admin:
            object.__setattr__(self, "follow", True)

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Settings:
        """Reads every setting from `environ`.

        Raises:
            SettingError: a value is of the wrong kind or out of range.
        """
        return cls(**{declared.name: setting_of(declared).read(environ) for declared in fields(cls)})
