"""Whatever a page names exists: files, folders, modules, and the pages that it links to."""

import re
from pathlib import Path

import pytest

from shared import events
from tests.architecture.sources import PACKAGES, ROOT, Source, all_sources

PAGES = [
    source for source in all_sources() if source.path.suffix == ".md" and source.path.parts[0] not in PACKAGES
]
TO_BE_WRITTEN = {Path("docs/tutorial.md")}
"""Pages that name files which their reader writes. A test of its own applies them."""

CODE = re.compile(r"`([^`\n]+)`")
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#:\s]+)\)")
A_FOLDER = re.compile(rf"(?:{'|'.join((*PACKAGES, 'deploy', 'docs', 'requirements'))})/[\w/-]*")
A_FILE = re.compile(r"[\w./-]*\w\.(?:py|md|toml|svg|png|sh)")
A_MODULE = re.compile(rf"(?:{'|'.join(PACKAGES)})(?:\.[A-Za-z_]\w*)+")

TRACKED = [f"/{source.path}" for source in all_sources()]
TOPICS = {event.topic.name for event in events.ALL}


@pytest.mark.parametrize("page", [pytest.param(page, id=str(page.path)) for page in PAGES])
def test_everything_that_a_page_names_exists(page: Source) -> None:
    broken = [target for target in LINK.findall(page.text) if not (ROOT / page.path.parent / target).exists()]
    spans = [] if page.path in TO_BE_WRITTEN else CODE.findall(FENCE.sub("", page.text))

    assert broken == []
    assert [span for span in spans if not _exists(span)] == []


def test_names_of_things_that_are_gone_are_found() -> None:
    assert all(
        map(_exists, ["shared/db/records.py", "usecases/earn_points.py", "shared.db.records", "docs/rules/"])
    )
    assert all(
        map(_exists, ["shared.http.dependencies.InContext", "make check", "huitou.purchases", "tx.now"])
    )
    assert not any(
        map(_exists, ["shared/db/gone.py", "gone.py", "docs/gone/", "shared.db.gone", "shared.gone.records"])
    )


def _exists(span: str) -> bool:
    """Return whether a span of code names nothing of this checkout, or something that is there.

    A file may be named by the end of its path, such as `usecases/earn_points.py`.
    """
    if A_FILE.fullmatch(span):
        return (ROOT / span).exists() or any(path.endswith(f"/{span}") for path in TRACKED)
    if A_FOLDER.fullmatch(span):
        return (ROOT / span).exists()
    if A_MODULE.fullmatch(span):
        return span in TOPICS or _is_module(Path(*span.split(".")))
    return True


def _is_module(path: Path) -> bool:
    """Return whether a path without its suffix is a module or a package, or a name in the module above it."""
    if (ROOT / path).is_dir() or (ROOT / path).with_suffix(".py").is_file():
        return True
    parent = ROOT / path.parent
    module = parent / "__init__.py" if parent.is_dir() else parent.with_suffix(".py")
    return module.is_file() and re.search(rf"\b{path.name}\b", module.read_text(encoding="utf-8")) is not None
