"""Files of returns: a row is one line that goes back, and the rows with one return id are one return."""

from functools import cache
from typing import Any

from services.profile.purchases.api.returns import ReturnIn
from services.profile.purchases.domain.purchases import must_be_believable
from services.profile.settings import Settings
from shared.clock import SystemClock
from shared.files.entries import Cells, Kind, integer


def _head(_number: int, row: Cells, source: str) -> dict[str, Any]:
    return {
        "source": source,
        "return_id": row["return_id"],
        "order_id": row["order_id"],
        "returned_at": row["returned_at"].strip(),
    }


def _line(number: int, row: Cells) -> dict[str, Any]:
    return {name: integer(number, name, row[name]) for name in ("line", "quantity")}


@cache
def _profile() -> Settings:
    """Return the settings of profile, which takes the returns in."""
    return Settings()


def _check(request: ReturnIn) -> None:
    must_be_believable(request.returned_at, SystemClock().now(), "/returned_at", _profile().purchases_since)


RETURNS = Kind(
    plural="returns",
    key="return_id",
    required=("return_id", "order_id", "returned_at", "line", "quantity"),
    one_of=(),
    optional=(),
    of_the_whole=("order_id", "returned_at"),
    model=ReturnIn,
    head=_head,
    line=_line,
    rules=_check,
)
