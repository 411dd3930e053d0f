"""The refusals of the member's page."""

from __future__ import annotations

from shared.errors import DomainError, Kind


class AheadOfTime(DomainError):
    """The moment asked for has not come yet."""

    kind, code = Kind.INVALID, "as_of_in_future"


class OrderFilterInvalid(DomainError):
    """An order is named in part, or in two ways."""

    kind, code = Kind.INVALID, "order_filter_invalid"
