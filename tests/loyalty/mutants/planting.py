"""Plants a mutant: a pytest plugin that changes the text of one module when it is imported. No file is touched.

MUTANT=name pytest -p tests.loyalty.mutants.planting …
"""

import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder, SourceLoader
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import spec_from_loader
from types import ModuleType

from tests.loyalty.mutants.listed import MUTANTS, Mutant


class _Loader(SourceLoader):
    """Loads the mutated text of a module, and keeps no bytecode of it."""

    def __init__(self, path: str, mutant: Mutant) -> None:
        self._path, self._mutant = path, mutant

    def get_filename(self, fullname: str) -> str:
        """Return the path of the module."""
        return self._path

    def get_data(self, path: str) -> bytes:
        """Return the mutated text; there is no bytecode beside it."""
        if path != self._path:
            raise OSError
        return self._mutant.mutated.encode()

    def set_data(self, path: str, data: bytes) -> None:
        """Keep no bytecode."""


class _Finder(MetaPathFinder):
    def __init__(self, mutant: Mutant) -> None:
        self._mutant = mutant

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find the module that is mutated."""
        if fullname != self._mutant.module:
            return None
        found = PathFinder.find_spec(fullname, path)
        assert found is not None, "a mutant is of a module that exists"
        assert isinstance(found.loader, SourceFileLoader), "a mutant is of a module of ours"
        return spec_from_loader(fullname, _Loader(found.loader.path, self._mutant), origin=found.origin)


def _plant(name: str) -> None:
    (mutant,) = (listed for listed in MUTANTS if listed.name == name)
    assert mutant.module not in sys.modules, "a mutant is planted before its module is imported"
    sys.meta_path.insert(0, _Finder(mutant))


if "MUTANT" in os.environ:
    _plant(os.environ["MUTANT"])
