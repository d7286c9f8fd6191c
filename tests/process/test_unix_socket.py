"""The Unix socket's file: its permissions, a dead one that is replaced, a live one that is not."""

from __future__ import annotations

import os
import socket
import stat
import threading
from pathlib import Path

import pytest

from process.unix_socket import listen_on_file


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Returns a relative path: absolute ones of tests are longer than a socket's may be."""
    monkeypatch.chdir(tmp_path)
    return "router.sock"


def dead_socket(path: str) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(path)
        dead.listen()


@pytest.mark.parametrize("mode", [0o600, 0o660, 0o666])
def test_file_has_the_permissions_whatever_the_umask_is_and_is_removed_at_the_end(path: str, mode: int) -> None:
    before = os.umask(0o077)
    with listen_on_file(path, mode) as listener:
        assert stat.S_IMODE(os.stat(path).st_mode) == mode
        assert os.umask(before) == 0o077
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(path)
            listener.accept()[0].close()
    assert not os.path.exists(path)


def test_file_of_a_dead_process_is_replaced(path: str) -> None:
    dead_socket(path)
    with listen_on_file(path, 0o660), socket.socket(socket.AF_UNIX) as client:
        client.connect(path)


def test_living_process_keeps_its_socket(path: str) -> None:
    with listen_on_file(path, 0o660) as listener:
        listener.listen(0)
        waiting = []
        for _ in range(3):  # until its queue is full: then it refuses nobody, and answers nobody
            message = "UDS='router.sock': cannot listen, another process listens on it; set another UDS"
            with pytest.raises(OSError, match=message), listen_on_file(path, 0o660):
                pass
            client = socket.socket(socket.AF_UNIX)
            client.setblocking(False)
            client.connect_ex(path)
            waiting.append(client)
        assert os.path.exists(path)
        for client in waiting:
            client.close()


@pytest.mark.parametrize(
    ("path", "part"),
    [
        ("a-file", "cannot listen, the file exists and is not a socket; set another UDS"),
        ("a-folder", "cannot listen, the file exists and is not a socket; set another UDS"),
        ("missing/router.sock", "cannot listen, no such file or directory; set another UDS"),
        ("x" * 200, "cannot listen, AF_UNIX path too long; set another UDS"),
    ],
)
def test_unusable_path_is_reported_and_nothing_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, part: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a-file").write_text("kept")
    Path("a-folder").mkdir()
    with pytest.raises(OSError, match=part), listen_on_file(path, 0o660):
        pass
    assert sorted(item.name for item in tmp_path.iterdir()) == ["a-file", "a-folder"]


def test_file_of_a_successor_stays_at_the_end(path: str) -> None:
    with listen_on_file(path, 0o660) as listener:
        listener.close()
        with listen_on_file(path, 0o660):
            successor = os.stat(path)
            os.link(path, "kept")
    os.link("kept", path)
    assert os.path.samestat(os.stat(path), successor)


def test_of_two_processes_that_start_together_one_gets_the_socket(path: str) -> None:
    outcomes: list[str] = []
    start, end = threading.Barrier(4), threading.Event()

    def begin() -> None:
        start.wait()
        try:
            with listen_on_file(path, 0o660):
                outcomes.append("listens")
                end.wait()
        except OSError:
            outcomes.append("refused")

    dead_socket(path)
    threads = [threading.Thread(target=begin) for _ in range(4)]
    for thread in threads:
        thread.start()
    while len(outcomes) < 4:
        threads[0].join(0.01)
    end.set()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["listens", "refused", "refused", "refused"]
