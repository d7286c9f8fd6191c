"""The folder in which workers count. With real workers it is tested in tests/process/live."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from gateway.errors import LoadError
from gateway.telemetry.worker_folder import worker_folder


def test_temporary_folder_is_private_and_removed_at_the_end() -> None:
    with worker_folder("") as one, worker_folder("") as other:
        assert one != other
        assert Path(one).stat().st_mode & 0o777 == 0o700
        (Path(one) / "counter_1.db").touch()
    assert not Path(one).exists()


def test_temporary_folder_is_in_memory_if_nothing_else_is_writable(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    with worker_folder("") as folder:
        assert Path(folder).parent == Path("/dev/shm")  # noqa: S108


def test_given_folder_is_made_and_stays(tmp_path: Path) -> None:
    given = tmp_path / "some" / "folder"
    with worker_folder(str(given)) as folder:
        assert folder == str(given)
    assert given.is_dir()


def test_given_folder_is_emptied_of_earlier_counts_and_nothing_else(tmp_path: Path) -> None:
    for name in ("counter_1.db", "gauge_livesum_2.db", "histogram_4711.db", "notes.txt", "other.sqlite"):
        (tmp_path / name).touch()
    with worker_folder(str(tmp_path)):
        assert {file.name for file in tmp_path.iterdir()} == {"notes.txt", "other.sqlite"}


def test_file_in_place_of_the_folder_is_a_load_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LoadError, match=r"PROMETHEUS_MULTIPROC_DIR='.*file': workers cannot count there, file exists"):
        worker_folder(str(tmp_path / "file")).__enter__()


def test_folder_that_cannot_be_written_to_is_a_load_error() -> None:
    """In `/proc`, not even root can make a file."""
    with pytest.raises(LoadError, match="PROMETHEUS_MULTIPROC_DIR='/proc/self': workers cannot count there"):
        worker_folder("/proc/self").__enter__()
