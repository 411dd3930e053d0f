"""`huitou reference`: write the pages that are generated from the code again. For developers (`make contracts`)."""

from pathlib import Path
from typing import Annotated

import typer

from huitou.exits import Exit, Refused
from huitou.speech import said


def write_reference(
    context: typer.Context,
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; fail if a page is out of date.")
    ] = False,
) -> None:
    """Write docs/reference, docs/services, docs/openapi and .env.example from the code."""
    from huitou import reference  # loads every service, which the other commands need not wait for

    root = Path(__file__).resolve().parents[2]
    pages = reference.pages(context.find_root().command)
    stale = [path for path, text in pages.items() if not _says(root / path, text)]
    if check and stale:
        raise Refused(Exit.FAILED, said("out_of_date", pages=stale))
    for path in stale:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(pages[path], encoding="utf-8")


def _says(path: Path, text: str) -> bool:
    return path.exists() and path.read_text(encoding="utf-8") == text
