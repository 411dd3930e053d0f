"""Make the present OpenAPI documents those of the last release: `python -m tests.architecture.release`."""

import gzip
from pathlib import Path

from tests.architecture.sources import ROOT

BASELINE = ROOT / "tests/data/openapi"
DECLARED = BASELINE / "breaking.toml"
HEADING = """\
# Changes since the last release that break clients, per service: the change as `make check` words it = its reason.
"""


def move(documents: Path, baseline: Path) -> None:
    """Put the documents into the baseline, and declare nothing any longer."""
    for document in documents.glob("*.json"):
        (baseline / f"{document.name}.gz").write_bytes(gzip.compress(document.read_bytes(), mtime=0))
    (baseline / DECLARED.name).write_text(HEADING, encoding="utf-8")


if __name__ == "__main__":
    move(ROOT / "docs/openapi", BASELINE)
