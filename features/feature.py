"""The parts that one feature adds to the application."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass
from typing import Protocol

from starlette.middleware import Middleware
from starlette.routing import BaseRoute

from gateway.call import Interceptor
from gateway.errors import LoadError

Lifetime = Callable[[], AbstractAsyncContextManager[None]]
"""Opens a part with the application, and closes it with it."""


class Streams(Protocol):
    """A part whose streams stay open as long as their clients like."""

    def end_streams(self) -> None:
        """Ends them, because the process ends."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """Everything is empty if the feature is off. `app.py` says in which order the parts of all features act."""

    interceptors: Sequence[Interceptor] = ()
    middleware: Sequence[Middleware] = ()
    routes: Sequence[BaseRoute] = ()
    lifetimes: Sequence[Lifetime] = ()


@contextmanager
def optional_packages(setting: str) -> Iterator[None]:
    """Reports a missing package of a feature that `setting` turned on.

    Raises:
        LoadError: a package is missing; the message says how to install it.
    """
    try:
        yield
    except ModuleNotFoundError as exc:
        how = "`make optional` installs it, and so does pip install -r requirements/optional.txt"
        raise LoadError(f"{setting} needs the package {exc.name!r}, which is not installed; {how}") from exc
