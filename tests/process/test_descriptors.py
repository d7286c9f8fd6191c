"""The number of open files that the process may have, and its log when it has them all."""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import socket
from collections.abc import Iterator

import pytest

from process.descriptors import RESERVED, connections_within, limit_accept_errors, raise_limit

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def limits() -> Iterator[tuple[int, int]]:
    before, asyncio_logger = resource.getrlimit(resource.RLIMIT_NOFILE), logging.getLogger("asyncio")
    filters = [*asyncio_logger.filters]
    yield before
    resource.setrlimit(resource.RLIMIT_NOFILE, before)
    asyncio_logger.filters[:] = filters


def test_limit_is_raised_as_far_as_the_system_allows(limits: tuple[int, int]) -> None:
    _, hard = limits
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, hard))
    assert raise_limit() == hard
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)


def test_connections_leave_descriptors_for_other_files(limits: tuple[int, int]) -> None:
    _, hard = limits
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, hard))
    assert connections_within(10_000) == 512 - RESERVED
    assert connections_within(100) == 100
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
    assert connections_within(100) == 1


async def test_lack_of_descriptors_is_one_line_a_second_without_a_traceback(
    limits: tuple[int, int], caplog: pytest.LogCaptureFixture
) -> None:
    limit_accept_errors()
    limit_accept_errors()
    asyncio.get_running_loop().set_exception_handler(None)  # that of the test runner logs nothing
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0, backlog=64)
    clients = [socket.socket() for _ in range(3)]
    lowest_free = os.dup(0)
    os.close(lowest_free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, limits[1]))
    try:
        for client in clients:
            client.setblocking(False)
            client.connect_ex(server.sockets[0].getsockname())
        while not caplog.records:
            await asyncio.sleep(0)
        for _ in range(100):
            await asyncio.sleep(0)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        for client in clients:
            client.close()
        server.close()
    (record,) = caplog.records
    assert record.getMessage() == "no connection accepted: the process has too many open files (ulimit -n)"
    assert record.exc_info is None


def test_other_lines_of_asyncio_stay(caplog: pytest.LogCaptureFixture) -> None:
    limit_accept_errors()
    logging.getLogger("asyncio").error("another error")
    assert [record.getMessage() for record in caplog.records] == ["another error"]
