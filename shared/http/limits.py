"""The operation by which operators read, before they act, how much they may do alone."""

from collections.abc import Collection
from datetime import datetime
from typing import Annotated

from pydantic import Field
from typing_extensions import TypeAliasType

from shared.approvals import Approvable, OperatorLimit, limits
from shared.http.auth import OPERATORS, allow
from shared.http.dependencies import Caller, InContext, Reading
from shared.http.models import Response, example
from shared.http.routes import Router

OperatorLimitScope = TypeAliasType(
    "OperatorLimitScope",
    Annotated[
        limits.Scope,
        Field(
            description="What adds up. request: nothing, the limit holds for each request; object: everything on one thing, such "
            "as a complaint; day: everything that you did on one day in the shop's time zone."
        ),
    ],
)
AboveLimit = TypeAliasType(
    "AboveLimit",
    Annotated[
        limits.Above,
        Field(
            description="What happens to a request above the limit. approval: it waits for another operator (202); proposal: it is "
            "refused, unless it says `propose`, then it waits (202); refusal: it is refused."
        ),
    ],
)


class OperatorLimitOut(Response):
    """A limit within which you act alone."""

    model_config = example(
        operation="adjust_points", scope="day", points_max=100_000, points_used=2_000, points_left=98_000,
        resets_at="2026-03-01T16:00:00Z", above="approval",
    )  # fmt: skip

    operation: str = Field(description="The operationId of the requests that it limits.")
    scope: OperatorLimitScope
    points_max: int
    points_used: int = Field(
        description="What counts already, points up and down alike. Of the scope object it is 0: each thing says itself what is left."
    )
    points_left: int = Field(description="The points that you may still move alone.")
    resets_at: datetime | None = Field(
        description="When the next day begins, in which nothing counts yet. Null for limits that no day ends."
    )
    above: AboveLimit


class OperatorLimitsOut(Response):
    """The limits within which you act alone."""

    items: list[OperatorLimitOut]


def router_of(approvables: Collection[Approvable]) -> Router:
    """Return the operation that reads the caller's limits of these operations."""
    router = Router(tags=["approvals"])

    @router.get(
        "/v1/limits/me",
        operation_id="get_own_limits",
        summary="Read your own limits",
        allow=allow(OPERATORS),
    )
    async def get_own_limits(read: Reading, context: InContext, caller: Caller) -> OperatorLimitsOut:
        """Read how many points you may move alone with each operation, and what is left of your day. A request above a limit waits
        for another operator or is refused, as `above` says. The list is empty if you may call none of these operations.
        """
        found = [
            limit for approvable in approvables for limit in await approvable.limits(read, context, caller)
        ]
        return OperatorLimitsOut(items=[_out(limit) for limit in found])

    return router


def _out(limit: OperatorLimit) -> OperatorLimitOut:
    return OperatorLimitOut(
        operation=limit.operation,
        scope=limit.scope,
        points_max=limit.points_max,
        points_used=limit.points_used,
        points_left=limit.points_left,
        resets_at=limit.resets_at,
        above=limit.above,
    )
