"""The numbers of workers, and what becomes of their files. With real workers it is tested in tests/process."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from gateway.errors import LoadError
from gateway.telemetry.worker_files import MetricFiles, counted_in


def end(files: MetricFiles) -> None:
    """What the kernel does when a process ends, however it does."""
    os.close(files._lock)


def names(folder: Path) -> set[str]:
    return {file.name for file in folder.glob("*.db")}


def test_each_worker_has_a_number_of_its_own_and_a_new_one_has_that_of_one_that_is_no_more(tmp_path: Path) -> None:
    workers = [MetricFiles(str(tmp_path)) for _ in range(3)]
    assert [worker.number for worker in workers] == ["1", "2", "3"]
    end(workers[1])
    assert [MetricFiles(str(tmp_path)).number for _ in range(2)] == ["2", "4"]


def test_what_a_worker_counted_stays_and_what_it_had_open_goes(tmp_path: Path) -> None:
    one, other = MetricFiles(str(tmp_path)), MetricFiles(str(tmp_path))
    for number in ("1", "2", "12"):
        for kind in ("counter", "histogram", "gauge_livesum"):
            (tmp_path / f"{kind}_{number}.db").touch()
    (tmp_path / "worker_12.lock").touch()
    end(other)
    one.forget_the_dead()
    counted = {f"{kind}_{number}.db" for kind in ("counter", "histogram") for number in ("1", "2", "12")}
    assert names(tmp_path) == counted | {"gauge_livesum_1.db"}
    MetricFiles(str(tmp_path))
    assert names(tmp_path) == counted | {"gauge_livesum_1.db"}


def test_a_worker_begins_with_nothing_open(tmp_path: Path) -> None:
    (tmp_path / "gauge_livesum_1.db").touch()
    (tmp_path / "counter_1.db").touch()
    MetricFiles(str(tmp_path))
    assert names(tmp_path) == {"counter_1.db"}


def test_without_a_folder_there_is_a_new_one_until_the_end() -> None:
    with counted_in("") as one, counted_in("") as other:
        assert one != other
        assert Path(one).stat().st_mode & 0o777 == 0o700
        (Path(one) / "counter_1.db").touch()
    assert not Path(one).exists()


def test_where_nothing_else_can_be_written_there_is_memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    with counted_in("") as folder:
        assert Path(folder).parent == Path("/dev/shm")  # noqa: S108


def test_a_folder_that_is_given_is_made_and_stays(tmp_path: Path) -> None:
    given = tmp_path / "some" / "folder"
    with counted_in(str(given)) as folder:
        assert folder == str(given)
    assert given.is_dir()


def test_in_a_folder_that_is_given_nothing_is_left_of_those_that_are_no_more(tmp_path: Path) -> None:
    living = MetricFiles(str(tmp_path))
    for name in (
        "counter_1.db",
        "counter_2.db",
        "gauge_livesum_2.db",
        "histogram_4711.db",
        "notes.txt",
        "other.sqlite",
    ):
        (tmp_path / name).touch()
    (tmp_path / "worker_2.lock").touch()
    with counted_in(str(tmp_path)):
        assert names(tmp_path) == {f"counter_{living.number}.db"}
        assert {"notes.txt", "other.sqlite"} < {file.name for file in tmp_path.iterdir()}


def test_a_folder_that_cannot_be_used_is_said_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LoadError, match=r"PROMETHEUS_MULTIPROC_DIR='.*file': workers cannot count there, file exists"):
        counted_in(str(tmp_path / "file")).__enter__()


def test_a_lock_that_leads_elsewhere_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "worker_1.lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(LoadError, match="symbolic link"):
        MetricFiles(str(tmp_path))
    assert not (tmp_path / "elsewhere").exists()
