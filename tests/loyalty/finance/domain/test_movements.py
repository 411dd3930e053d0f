"""Every account and every cause has its place in the books, and the value of the parts is the value of the whole."""

from hypothesis import given
from hypothesis import strategies as st

from services.loyalty.finance.domain.liability import values_of
from services.loyalty.finance.domain.movements import NAMES, roll_forward
from services.loyalty.ledger.domain.counting import ASSETS, BOOKED, DUE, GRANTING, MEMBERS
from services.loyalty.ledger.domain.postings import Account, CauseKind
from services.loyalty.ledger.domain.programme import PointsWorth
from services.loyalty.ledger.domain.sums import Flow

flows = st.builds(
    Flow,
    st.just(0),
    st.booleans(),
    st.sampled_from(Account),
    st.sampled_from(Account),
    st.integers(1, 10**13),
)


def test_an_account_is_the_members_or_has_names_for_its_movements() -> None:
    assert MEMBERS.isdisjoint(NAMES)
    assert MEMBERS | NAMES.keys() == set(Account)
    assert ASSETS < MEMBERS
    assert NAMES.keys() >= GRANTING


def test_a_cause_counts_when_it_is_booked_or_when_it_falls_due() -> None:
    assert BOOKED.isdisjoint(DUE)
    assert set(CauseKind) == BOOKED | DUE, "say in counting.py from when on the postings of a new cause count"


@given(st.integers(-(10**15), 10**15), st.lists(flows, max_size=30))
def test_the_closing_balance_is_the_opening_one_and_what_members_accounts_gained(
    opening: int, moved: list[Flow]
) -> None:
    gained = sum(
        flow.points * ((flow.to_account in MEMBERS) - (flow.from_account in MEMBERS)) for flow in moved
    )
    assert roll_forward(opening, moved).closing == opening + gained


@given(
    st.lists(st.integers(0, 10**13), min_size=1, max_size=20),
    st.integers(1, 1_000_000),
    st.integers(1, 1_000_000_000),
)
def test_the_parts_are_worth_what_the_whole_is_worth(parts: list[int], points: int, amount: int) -> None:
    value = PointsWorth(points=points, amount_minor=amount)
    worth = values_of(value, parts)
    assert sum(part or 0 for part in worth) == sum(parts) * amount // points
    for part, minor in zip(parts, worth, strict=True):
        assert minor in (part * amount // points, part * amount // points + 1)


def test_without_a_value_of_points_nothing_is_worth_anything() -> None:
    assert values_of(None, [1, 2]) == [None, None]
