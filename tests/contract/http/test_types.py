"""TypeScript types are made of the committed documents, and a program that uses them compiles."""

import shutil
from pathlib import Path

import pytest

from tests.contract.http.test_linters import DOCUMENTS
from tests.parts import npm

pytestmark = [pytest.mark.node, pytest.mark.slow, pytest.mark.long]
USAGE = npm.FOLDER / "usage.ts"


def test_a_program_over_the_types_of_all_documents_compiles(tmp_path: Path) -> None:
    for document in DOCUMENTS:
        types = tmp_path / f"{document.stem}.ts"
        made = npm.run("openapi-typescript", str(document), "-o", str(types))
        assert made.returncode == 0, made.stderr
    shutil.copy(USAGE, tmp_path)

    compiled = npm.run("tsc", "--noEmit", "--strict", "--skipLibCheck", str(tmp_path / USAGE.name))

    assert compiled.returncode == 0, compiled.stdout
