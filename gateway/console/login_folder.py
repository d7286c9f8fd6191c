"""Logins that the workers of one parent share, as files of a folder that only their user can open."""

from __future__ import annotations

from pathlib import Path

from gateway.console.logins import MAX_LOGINS


class FolderStore:
    """A file that cannot be written or read is no login. The folder ends with the parent."""

    def __init__(self, folder: Path, most: int = MAX_LOGINS) -> None:
        self._folder = folder
        self._most = most

    async def put(self, name: str, sealed: str) -> None:
        others = sorted(self._folder.glob("login-*"), key=_age)
        for each in others[: max(0, len(others) - self._most + 1)]:
            each.unlink(missing_ok=True)
        part = self._folder / f"part-{name}"
        part.write_text(sealed)
        part.rename(self._file(name))

    async def get(self, name: str) -> str | None:
        try:
            return self._file(name).read_text()
        except OSError:
            return None

    async def drop(self, name: str) -> None:
        self._file(name).unlink(missing_ok=True)

    def _file(self, name: str) -> Path:
        return self._folder / f"login-{name}"


def _age(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # another worker removed it
        return 0.0
