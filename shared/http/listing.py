"""Listing: a list endpoint's filters, page size and cursor in one declaration.

    @dataclass(frozen=True, slots=True, kw_only=True)
    class LotFilters:
        state: Annotated[LotState | None, Query(description="In this state.")] = None

    @router.get("/v1/members/{customer_id}/lots", operation_id="list_lots", …)
    async def list_lots(read: Reading, listing: Annotated[Listing[LotFilters], listed_by(LotFilters)]) -> Page[LotOut]:
        rows = await lots.page(read, listing.filters.state, after=listing.after_number, limit=listing.rows_max)
        return listing.page(rows, lambda row: [row.id], [_out(row) for row in listing.shown(rows)])

Each field of the filters is a query parameter of its own; `limit` and `cursor` follow them. A list that can be sorted names
its sorts (`shared.db.Sorts`), and has the parameter `sort`:

    listing: Annotated[Listing[PurchaseFilters], listed_by(PurchaseFilters, sorts=purchases.SORTS)]
    rows = await purchases.page(read, selection, listing.slice)
    return listing.page(rows, listing.sort_key, [_out(row) for row in listing.shown(rows)])

A cursor is bound to the operation, the path, the filters and the sort, and is refused with any other.
"""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import MISSING, Field, dataclass, fields
from typing import Annotated, Any, Generic, Literal, TypeVar, get_type_hints

from fastapi import Depends, Query
from pydantic import JsonValue
from starlette.requests import Request

from shared.auth.principal import Principal
from shared.db import Slice, Sorts
from shared.http.cursor import Cursors
from shared.http.dependencies import PRINCIPAL, Vaulted
from shared.http.models import LIMIT_DEFAULT, Cursor, Limit, Page

F = TypeVar("F")
R = TypeVar("R")
T = TypeVar("T")

SORT = "sort"
"""The query parameter that names the sort of a list."""


@dataclass(frozen=True, slots=True)
class Listing(Generic[F]):
    """One requested page of a list."""

    filters: F
    limit: int
    """The largest number of items of the page."""
    position: Sequence[JsonValue] | None
    """The sort key after which the page begins, or None for the beginning of the list."""
    cursors: Cursors
    sorts: Sorts
    """The sorts of the list; none if it has one order only."""
    sort: str = ""
    """The sort that is asked for."""

    @property
    def slice(self) -> Slice:
        """Return which rows of a list with sorts to read, one more than are shown."""
        return Slice(self.sort, self.position, self.rows_max)

    def sort_key(self, row: object) -> Sequence[JsonValue]:
        """Return the sort key of a row of a list with sorts. The row has the columns of the sort as attributes."""
        return self.sorts.key(row, self.sort)

    @property
    def rows_max(self) -> int:
        """Return the number of rows to read: one more than are shown, to learn whether there is a next page."""
        return self.limit + 1

    @property
    def after(self) -> str | None:
        """Return the first part of the position of a list that is sorted by a text, or None at the beginning."""
        return None if self.position is None else str(self.position[0])

    @property
    def after_number(self) -> int | None:
        """Return the first part of the position of a list that is sorted by an integer, or None at the beginning."""
        if self.position is None:
            return None
        (first, *_) = self.position
        assert isinstance(first, int), "the cursor of this list holds a number"
        return first

    def shown(self, rows: Sequence[R]) -> Sequence[R]:
        """Return the rows of the page, of at most `rows_max` that were read."""
        return rows[: self.limit]

    def page(
        self, rows: Sequence[R], position: Callable[[R], Sequence[JsonValue]], items: Sequence[T]
    ) -> Page[T]:
        """Return the page with these items.

        `rows` are all rows that were read. `position` returns a row's sort key, whose last part makes it unique. `items` are the
        rows of `shown` as the answer shows them.
        """
        _, next_cursor = self.cursors.page(rows, self.limit, position)
        return Page(items=list(items), next_cursor=next_cursor)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoFilters:
    """The filters of a list that has none."""


NO_SORTS = Sorts()


def listed_by(
    filters: type[F], *, sorts: Sorts = NO_SORTS, bound_to: Callable[[Principal], JsonValue] | None = None
) -> Any:
    """Return the dependency that reads a `Listing` with these filters and sorts from the query.

    A list that shows different rows to different callers gives `bound_to`. It returns what decides about the rows of a
    caller, and the cursor is bound to that too.
    """

    return Depends(ListingReader(filters, sorts, bound_to))


class ListingReader(Generic[F]):
    """The dependency of one list. FastAPI reads the parameters of the query from its signature."""

    def __init__(
        self, filters: type[F], sorts: Sorts, bound_to: Callable[[Principal], JsonValue] | None
    ) -> None:
        self.sorts = sorts
        self.filters = filters
        self.bound_to = bound_to
        self.__signature__ = inspect.Signature(
            [
                _parameter("request", Request),
                _parameter("vault", Vaulted),
                *_query_parameters(filters),
                *_sort_parameter(sorts),
                _parameter("limit", Limit, LIMIT_DEFAULT),
                _parameter("cursor", Cursor, None),
            ]
        )

    async def __call__(
        self, request: Request, vault: Vaulted, limit: int, cursor: str | None, **given: Any
    ) -> Listing[F]:
        bound: dict[str, JsonValue] = {**given, **request.path_params}
        if self.bound_to is not None:
            bound["caller"] = self.bound_to(request.scope[PRINCIPAL])
        cursors = Cursors(vault, request.scope["route"].operation.id, bound)
        sort = given.pop(SORT, "")
        return Listing(self.filters(**given), limit, cursors.read(cursor), cursors, self.sorts, sort)


def _query_parameters(filters: type[Any]) -> list[inspect.Parameter]:
    hints = get_type_hints(filters, include_extras=True)
    return [_parameter(field.name, hints[field.name], _default(field)) for field in fields(filters)]


def _sort_parameter(sorts: Sorts) -> list[inspect.Parameter]:
    if not sorts.names:
        return []
    about = Query(
        description="The field by which the list is sorted, the least value first; with `-`, the greatest first."
    )
    return [_parameter(SORT, Annotated[Literal[sorts.names], about], sorts.names[0])]


def _default(field: Field[Any]) -> Any:
    return inspect.Parameter.empty if field.default is MISSING else field.default


def _parameter(name: str, annotation: Any, default: Any = inspect.Parameter.empty) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)
