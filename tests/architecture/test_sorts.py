"""An index stands behind every sort of a list, so that no page reads more rows than it shows."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.dependencies.models import Dependant
from sqlalchemy import Table

from huitou import registry
from shared.db import Sorts
from shared.http.app import kernel_routers
from shared.http.listing import sorts_of
from shared.http.openapi import operations


def _sorted_lists() -> Iterator[tuple[str, Sorts]]:
    for service in registry.services_by_default():
        for router in (*service.routers, *kernel_routers(service)):
            for route in operations(router.routes):
                for sorts in _sorts(route.dependant):
                    yield f"{service.name}.{route.operation.id}", sorts


def _sorts(dependant: Dependant) -> Iterator[Sorts]:
    for below in dependant.dependencies:
        if (sorts := sorts_of(below.call)) is not None:
            yield sorts
        yield from _sorts(below)


LISTS = dict(_sorted_lists())


def test_the_lists_with_sorts_are_found() -> None:
    assert {"profile.list_purchases", "feedback.list_complaints", "loyalty.list_audit"} <= LISTS.keys()


@pytest.mark.parametrize("operation", sorted(LISTS))
def test_an_index_serves_every_sort(operation: str) -> None:
    for field, columns in LISTS[operation].columns.items():
        names = [column.name for column in columns]
        assert any(_serves(index, names) for index in _indexes(columns[0].table)), f"{operation}: {field}"


@pytest.mark.parametrize("operation", sorted(LISTS))
def test_the_last_column_of_every_sort_is_the_primary_key(operation: str) -> None:
    for columns in LISTS[operation].columns.values():
        assert list(columns[-1].table.primary_key) == [columns[-1]]


def _indexes(table: Any) -> Iterator[list[str]]:
    assert isinstance(table, Table)
    yield [column.name for column in table.primary_key]
    for index in table.indexes:
        if index.dialect_options["sqlite"]["where"] is None:
            yield [column.name for column in index.columns]


def _serves(index: list[str], columns: list[str]) -> bool:
    """Return whether an index begins with these columns, or with one that a filter fixes and these behind it."""
    return columns in (index[: len(columns)], index[1 : len(columns) + 1])
