"""The groups of a parallel run name files and folders that exist."""

import re

from tests.architecture.sources import ROOT
from tests.parts.scheduling import GROUPS, TESTS, group_of


def test_every_file_and_folder_of_a_group_exists() -> None:
    places = [place for group in GROUPS.values() for place in group]

    assert [place for place in places if not (ROOT / TESTS / place).exists()] == []
    assert len(set(places)) == len(places), "each place has one group"


def test_a_test_has_the_group_of_its_file_or_of_a_folder_above_it() -> None:
    (topics, *_) = GROUPS

    assert group_of("tests/e2e/test_journey.py::test_it[embedded]") == topics
    assert group_of("tests/contract/consume/test_replay.py::test_it[a::b]") == topics
    assert group_of("tests/huitou/test_replay.py::test_it") is None


def test_every_file_with_the_bus_of_the_product_has_the_group_of_its_topics() -> None:
    """Another worker would clear its topics meanwhile."""
    (topics, *_) = GROUPS
    named = re.compile(r"^from tests\.contract\.consume\.test_replay import .*\bbus\b", re.MULTILINE)
    sharing = [path for path in (ROOT / TESTS).rglob("test_*.py") if named.search(path.read_text("utf-8"))]

    assert sharing
    assert [path for path in sharing if group_of(f"{path.relative_to(ROOT)}::test_it") != topics] == []
