"""Listing: a list endpoint's filters, page size and cursor in one declaration.

    @dataclass(frozen=True, slots=True, kw_only=True)
    class LotFilters:
        state: Annotated[LotState | None, Query(description="In this state.")] = None

    @router.get("/v1/members/{customer_id}/lots", operation_id="list_lots", …)
    async def list_lots(read: Reading, listing: Annotated[Listing[LotFilters], listed_by(LotFilters)]) -> Page[LotOut]:
        rows = await lots.page(read, listing.filters.state, after=listing.after_number, limit=listing.rows_max)
        return listing.page(rows, lambda row: [row.id], [_out(row) for row in listing.shown(rows)])

Each field of the filters is a query parameter of its own; `limit` and `cursor` follow them. A cursor is bound to the
operation, the path and the filters, and is refused with any other.
"""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import MISSING, Field, dataclass, fields
from typing import Any, Generic, TypeVar, get_type_hints

from fastapi import Depends
from pydantic import JsonValue
from starlette.requests import Request

from shared.auth.principal import Principal
from shared.http.cursor import Cursors
from shared.http.dependencies import PRINCIPAL, Vaulted
from shared.http.models import LIMIT_DEFAULT, Cursor, Limit, Page

F = TypeVar("F")
R = TypeVar("R")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Listing(Generic[F]):
    """One requested page of a list."""

    filters: F
    limit: int
    """The largest number of items of the page."""
    position: Sequence[JsonValue] | None
    """The sort key after which the page begins, or None for the beginning of the list."""
    cursors: Cursors

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


def listed_by(filters: type[F], *, bound_to: Callable[[Principal], JsonValue] | None = None) -> Any:
    """Return the dependency that reads a `Listing` with these filters from the query.

    A list that shows different rows to different callers gives `bound_to`. It returns what decides about the rows of a
    caller, and the cursor is bound to that too.
    """

    async def asked(
        request: Request, vault: Vaulted, limit: int, cursor: str | None, **given: Any
    ) -> Listing[F]:
        bound: dict[str, JsonValue] = {**given, **request.path_params}
        if bound_to is not None:
            bound["caller"] = bound_to(request.scope[PRINCIPAL])
        cursors = Cursors(vault, request.scope["route"].operation.id, bound)
        return Listing(filters(**given), limit, cursors.read(cursor), cursors)

    asked.__signature__ = inspect.Signature(  # type: ignore[attr-defined]  # FastAPI reads parameters from it
        [
            _parameter("request", Request),
            _parameter("vault", Vaulted),
            *_query_parameters(filters),
            _parameter("limit", Limit, LIMIT_DEFAULT),
            _parameter("cursor", Cursor, None),
        ]
    )
    return Depends(asked)


def _query_parameters(filters: type[Any]) -> list[inspect.Parameter]:
    hints = get_type_hints(filters, include_extras=True)
    return [_parameter(field.name, hints[field.name], _default(field)) for field in fields(filters)]


def _default(field: Field[Any]) -> Any:
    return inspect.Parameter.empty if field.default is MISSING else field.default


def _parameter(name: str, annotation: Any, default: Any = inspect.Parameter.empty) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)
