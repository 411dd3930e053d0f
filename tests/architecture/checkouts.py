"""Copies of this checkout, in which a test may write and run commands."""

import os
import shutil
import subprocess
from pathlib import Path

from tests.architecture.sources import ROOT, all_paths

CACHE_OF_TYPES = ".mypy_cache"
"""What mypy has found out about unchanged files; without it every copy would cost a minute."""


def copy_checkout(folder: Path) -> Path:
    """Copy every file of this checkout into an empty folder, and return the folder."""
    for path in all_paths():
        if not (ROOT / path).is_file():
            continue  # it was just deleted
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, target)
    (folder / ".venv").symlink_to(ROOT / ".venv")
    if (ROOT / CACHE_OF_TYPES).is_dir():
        shutil.copytree(ROOT / CACHE_OF_TYPES, folder / CACHE_OF_TYPES)
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    return folder


def run(checkout: Path, *command: str) -> None:
    """Run a command in a copy, as a newcomer types it; fail with what it printed when it fails."""
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    environment.pop("TEST_LONG", None)
    done = subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
