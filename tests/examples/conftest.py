from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.examples.serving import Serve, served


@pytest.fixture(scope="module")
def serve() -> Iterator[Serve]:
    """Serves an application on a free port of the loopback interface, and returns its base URL."""
    with ExitStack() as stack:
        yield lambda app: stack.enter_context(served(app))
