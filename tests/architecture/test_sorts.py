"""An index stands behind every sort of a list and behind every filter, so that no page reads more rows than it needs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

import pytest
from fastapi.dependencies.models import Dependant
from sqlalchemy import Column, Table

from huitou import registry
from services.feedback.complaints.storage.tables import complaint
from services.loyalty.activities.storage.tables import activity
from services.loyalty.coupons.storage.tables import coupon_batch
from services.loyalty.ledger.storage.hold_table import hold
from services.loyalty.ledger.storage.tables import adjustment
from services.loyalty.redemptions.storage.tables import redemption
from services.loyalty.rewards.storage.tables import reward_claim
from services.profile.people.storage.tables import identity
from services.profile.purchases.storage.tables import purchase, purchase_return
from shared.approvals.tables import approval
from shared.audit.tables import audit
from shared.http.app import kernel_routers
from shared.http.listing import ListingReader
from shared.http.openapi import operations
from shared.jobs.tables import job

CALLER = "the caller"
"""What a list fixes for callers that see only some of its rows."""

FEW = "The rows of one value are few, whatever the list has: an index finds them, and they are sorted in memory."
COMMON = "It has few values. Each is common, or the list is short, and so an index of it would cost more than it saves."
RANGE = "It bounds an instant. A list that is read in the order of that instant begins there."
WITH_ANOTHER = "It belongs to another filter."
GROUPED = "All postings of the member are read and grouped for each page, because an entry can have several."

FILTERS: Mapping[str, Mapping[str, Column[Any] | str]] = {
    "list_purchases": {
        CALLER: purchase.c.issuer,
        "customer_id": FEW,
        "issuer": purchase.c.issuer,
        "anonymous": "Where such purchases are rare, an index has them alone. Elsewhere they are common.",
        "source": COMMON,
        "order_id": FEW,
        "purchased_from": RANGE,
        "purchased_until": RANGE,
        "recorded_since": RANGE,
    },
    "list_returns": {
        CALLER: purchase_return.c.issuer,
        "customer_id": FEW,
        "issuer": purchase_return.c.issuer,
        "purchase_id": FEW,
        "source": COMMON,
        "order_id": FEW,
        "recorded_since": RANGE,
    },
    "list_customers": {
        CALLER: identity.c.issuer,
        "origin": COMMON,
        "issuer": identity.c.issuer,
        "created_from": RANGE,
        "created_until": RANGE,
        "updated_since": RANGE,
    },
    "list_complaints": {
        CALLER: complaint.c.opened_by_id,
        "customer_id": FEW,
        "issuer": WITH_ANOTHER,
        "status": complaint.c.status,
        "owner_id": complaint.c.owner,
        "number": FEW,
        "channel": COMMON,
        "late": RANGE,
        "due_before": RANGE,
        "updated_since": RANGE,
    },
    "list_approvals": {"state": approval.c.state, "updated_since": RANGE},
    "list_audit": {
        CALLER: "All callers see all rows.",
        "kind": COMMON,
        "operator_id": audit.c.operator,
        "customer_id": FEW,
        "issuer": WITH_ANOTHER,
        "operation": "Each act of an operator would pay for it. `since` and `until` bound what is read.",
        "since": RANGE,
        "until": RANGE,
    },
    "list_jobs": {CALLER: job.c.principal, "state": COMMON, "operation": COMMON},
    "list_api_keys": {"partner_id": FEW},
    "list_ledger": {
        "customer_id in the path": GROUPED,
        "purchase_id": FEW,
        "source": WITH_ANOTHER,
        "order_id": FEW,
        "order_issuer": WITH_ANOTHER,
    },
    "list_redemptions": {"customer_id in the path": redemption.c.wallet_id},
    "list_adjustments": {"customer_id in the path": adjustment.c.wallet_id},
    "list_holds": {
        CALLER: hold.c.issuer,
        "customer_id": hold.c.wallet_id,
        "issuer": WITH_ANOTHER,
        "state": COMMON,
    },
    "list_rewards": {"kind": COMMON, "archived": COMMON, "updated_since": RANGE},
    "list_reward_claims": {
        CALLER: reward_claim.c.issuer,
        "customer_id": reward_claim.c.wallet_id,
        "issuer": WITH_ANOTHER,
        "reward": reward_claim.c.reward,
        "state": COMMON,
        "updated_since": RANGE,
    },
    "list_activities": {
        CALLER: activity.c.issuer,
        "customer_id": activity.c.wallet_id,
        "issuer": WITH_ANOTHER,
        "kind": COMMON,
        "source": COMMON,
    },
    "list_coupons": {"kind": COMMON, "archived": COMMON},
    "list_coupon_batches": {"coupon in the path": coupon_batch.c.coupon},
    "list_programme_versions": {},
    "list_rulebooks": {},
}
"""The filters of each list: the column that an index begins with, or why no index serves the filter and the default sort."""


@dataclass(frozen=True, slots=True)
class SortedList:
    """A list that has sorts."""

    service: str
    operation: str
    reader: ListingReader[Any]
    path_parameters: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"{self.service}.{self.operation}"

    @property
    def filters(self) -> set[str]:
        return {
            *([CALLER] if self.reader.bound_to is not None else []),
            *(f"{name} in the path" for name in self.path_parameters),
            *(field.name for field in fields(self.reader.filters)),
        }


def _sorted_lists() -> Iterator[SortedList]:
    for service in registry.services_by_default():
        for router in (*service.routers, *kernel_routers(service)):
            for route in operations(router.routes):
                for reader in _readers(route.dependant):
                    if reader.sorts.names:
                        path = tuple(route.param_convertors)
                        yield SortedList(service.name, route.operation.id, reader, path)


def _readers(dependant: Dependant) -> Iterator[ListingReader[Any]]:
    for below in dependant.dependencies:
        if isinstance(below.call, ListingReader):
            yield below.call
        yield from _readers(below)


LISTS = {sorted_list.name: sorted_list for sorted_list in _sorted_lists()}


def test_the_lists_with_sorts_are_found() -> None:
    assert {"profile.list_purchases", "feedback.list_complaints", "loyalty.list_audit"} <= LISTS.keys()
    assert {sorted_list.operation for sorted_list in LISTS.values()} == FILTERS.keys()


@pytest.mark.parametrize("name", sorted(LISTS))
def test_an_index_serves_every_sort(name: str) -> None:
    for field, columns in LISTS[name].reader.sorts.columns.items():
        table = columns[0].table
        assert isinstance(table, Table)
        every_row = [
            list(table.primary_key),
            *(_columns(index) for index in _indexes(table, with_partial=False)),
        ]
        assert any(index[: len(columns)] == list(columns) for index in every_row), f"{name}: {field}"


@pytest.mark.parametrize("name", sorted(LISTS))
def test_an_index_serves_every_filter_together_with_the_default_sort_or_a_reason_is_given(name: str) -> None:
    filters = FILTERS[LISTS[name].operation]
    assert filters.keys() == LISTS[name].filters
    sort, *_ = LISTS[name].reader.sorts.columns.values()
    for field, served in filters.items():
        if isinstance(served, Column):
            table = served.table
            assert isinstance(table, Table)
            wanted = [served, *sort]
            indexes = [_columns(index) for index in _indexes(table, with_partial=True)]
            assert any(index[: len(wanted)] == wanted for index in indexes), f"{name}: {field}"


@pytest.mark.parametrize("name", sorted(LISTS))
def test_the_last_column_of_every_sort_is_the_primary_key(name: str) -> None:
    for columns in LISTS[name].reader.sorts.columns.values():
        assert list(columns[-1].table.primary_key) == [columns[-1]]


def _indexes(table: Any, *, with_partial: bool) -> Iterator[Any]:
    for index in table.indexes:
        if with_partial or index.dialect_options["sqlite"]["where"] is None:
            yield index


def _columns(index: Any) -> list[Column[Any]]:
    return list(index.columns)
