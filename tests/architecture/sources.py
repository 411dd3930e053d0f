"""The files of this checkout, as the architecture tests read them."""

import ast
import functools
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("huitou", "services", "shared", "tests")
SERVICES = ("profile", "loyalty", "feedback", "scoring")
PRODUCT = ("huitou", "services", "shared")


@dataclass(frozen=True)
class Source:
    """One file: its path relative to the checkout, and its text."""

    path: Path
    text: str

    @property
    def is_python(self) -> bool:
        """Whether the rules for code apply."""
        return self.path.suffix == ".py"

    @property
    def is_product(self) -> bool:
        """Whether it is part of what runs, as opposed to its tests and pages."""
        return self.path.parts[0] in PRODUCT

    @functools.cached_property
    def tree(self) -> ast.Module:
        """The syntax tree of a Python file."""
        return ast.parse(self.text, filename=str(self.path))

    def is_in(self, room: str) -> bool:
        """Whether the file lies in that room of a service, at any depth."""
        return self.path.parts[0] == "services" and room in self.path.parts[2:-1]


@functools.cache
def all_sources() -> tuple[Source, ...]:
    """Every text file that is tracked, or would be."""
    return tuple(source for path in all_paths() if (source := _read(path)) is not None)


def python_sources() -> tuple[Source, ...]:
    """Every Python file of the product and its tests."""
    return tuple(source for source in all_sources() if source.is_python)


def all_paths() -> list[Path]:
    """Return the path of every file that is tracked, or would be."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True)
    return sorted(Path(name) for name in set(listed.stdout.split("\0")) if name)


def _read(path: Path) -> Source | None:
    try:
        return Source(path, (ROOT / path).read_text(encoding="utf-8"))
    except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
        return None  # a picture, an archive, or a file just deleted
