"""Keep the bytecode of what a test run imports, also where Python is told to write none.

A run starts more than a hundred processes that import the same code. With PYTHONDONTWRITEBYTECODE each of them compiles
it anew, which takes longer than everything else at its start. The variable is there to keep `__pycache__` folders out
of the source tree, and so they stay out: the bytecode lies in one folder, which `make clean` removes.
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".pytest_cache" / "bytecode"


def keep() -> None:
    """Let this process and those that it starts keep bytecode; nothing happens where Python keeps it anyway."""
    if not sys.dont_write_bytecode:
        return
    # Earlier runs have imported code from copies of the checkout that are gone.
    copies = FOLDER.joinpath(*Path(tempfile.gettempdir()).resolve().parts[1:])
    shutil.rmtree(copies, ignore_errors=True)
    sys.pycache_prefix, sys.dont_write_bytecode = str(FOLDER), False
    os.environ["PYTHONPYCACHEPREFIX"] = str(FOLDER)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
