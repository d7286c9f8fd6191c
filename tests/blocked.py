"""Applications in processes that cannot import a package."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

BLOCKED = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name == {missing!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Missing())
from process import serve
from app import create_app
serve.load_app(create_app)
print("made")
"""


def made_without(missing: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Creates an application in a process without the package `missing`, and returns the ended process."""
    command = [sys.executable, "-c", BLOCKED.format(missing=missing)]
    return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
