"""Conditions: one small typed tree, for what an order must be like (`when`) and for the lines that count (`lines`).

A fact that is missing is a value like no other: `eq`, `in` and comparisons are false of it, `ne` and `not_in` are true.
Money is compared with the amount of the cart's currency. Without an amount of that currency the comparison is false.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import StrEnum
from operator import ge, gt, le, lt
from typing import Annotated, Literal

from pydantic import Field, StringConstraints
from typing_extensions import TypeAliasType

from services.loyalty.earning.domain import reading, windows
from services.loyalty.earning.domain.cart import Cart
from services.loyalty.earning.domain.documents import CURRENCIES_MAX
from services.loyalty.earning.domain.fact_names import ACTIVITY, fact_named
from services.loyalty.earning.domain.windows import During
from services.loyalty.ledger.domain.documents import Part
from shared.limits import CODE_MAX, INT64_MAX, ORDER_ID_MAX

CHILDREN_MAX = 64
VALUES_MAX = 1_000

Text = Annotated[str, StringConstraints(min_length=1, max_length=ORDER_ID_MAX)]
Number = Annotated[int, Field(ge=0, le=INT64_MAX)]
Fact = Annotated[
    str, Field(max_length=CODE_MAX, description="A fact of docs/rules/earning.md, such as `order.amount`.")
]
Money = Annotated[dict[str, Number], Field(min_length=1, max_length=CURRENCIES_MAX)]
"""An amount in minor units per currency."""
Compare = Callable[[int, int], bool]
COMPARE: dict[str, Compare] = {"lt": lt, "le": le, "gt": gt, "ge": ge}


class Comparison(StrEnum):
    """How a sum is compared with a value: less, at most, more, or at least."""

    LT = "lt"
    LE = "le"
    GT = "gt"
    GE = "ge"


class Summed(StrEnum):
    """A sum adds up the amounts of the lines, their units, or how many lines they are."""

    AMOUNT = "amount"
    QUANTITY = "quantity"
    COUNT = "count"


class AllOf(Part):
    """True if all of these conditions are."""

    op: Literal["all"]
    of: Annotated[tuple[Condition, ...], Field(min_length=1, max_length=CHILDREN_MAX)]


class AnyOf(Part):
    """True if any of these conditions is."""

    op: Literal["any"]
    of: Annotated[tuple[Condition, ...], Field(min_length=1, max_length=CHILDREN_MAX)]


class NotOf(Part):
    """True if this condition is not."""

    op: Literal["not"]
    of: Condition


class Is(Part):
    """A fact equals a value, or does not."""

    op: Literal["eq", "ne"]
    fact: Fact
    value: Text | Number


class Equal(Is):
    """True if a fact equals a value."""

    op: Literal["eq"]


class NotEqual(Is):
    """True if a fact does not equal a value, or is missing."""

    op: Literal["ne"]


class Among(Part):
    """A fact is one of these values, or none of them."""

    op: Literal["in", "not_in"]
    fact: Fact
    values: Annotated[tuple[Text | Number, ...], Field(min_length=1, max_length=VALUES_MAX)]


class AmongValues(Among):
    """True if a fact is one of these values."""

    op: Literal["in"]


class NotAmongValues(Among):
    """True if a fact is none of these values, or is missing."""

    op: Literal["not_in"]


class Than(Part):
    """A number or an amount of money is less or more than a value."""

    op: Literal["lt", "le", "gt", "ge"]
    fact: Fact
    value: Number | Money


class Less(Than):
    """True if a number or an amount of money is less than a value."""

    op: Literal["lt"]


class LessOrEqual(Than):
    """True if a number or an amount of money is at most a value."""

    op: Literal["le"]


class Greater(Than):
    """True if a number or an amount of money is more than a value."""

    op: Literal["gt"]


class GreaterOrEqual(Than):
    """True if a number or an amount of money is at least a value."""

    op: Literal["ge"]


class Sum(Part):
    """True if the sum over the lines that `lines` picks, by default all lines, compares with a value."""

    op: Literal["sum"]
    of: Summed
    lines: Condition | None = None
    compare: Comparison
    value: Number | Money


Condition = TypeAliasType(
    "Condition",
    Annotated[
        AllOf
        | AnyOf
        | NotOf
        | Equal
        | NotEqual
        | AmongValues
        | NotAmongValues
        | Less
        | LessOrEqual
        | Greater
        | GreaterOrEqual
        | Sum
        | During,
        Field(discriminator="op", description="A condition on an order, or on one of its lines."),
    ],
)
"""Each operation has a class of its own, so that a client can tell conditions apart by their `op`."""

When = Callable[[Cart], bool]
"""A compiled condition on an order."""
Select = Callable[[Cart], int]
"""A compiled condition on lines: it picks the set of the lines that meet it."""

for _node in (AllOf, AnyOf, NotOf, Sum):
    _node.model_rebuild()


def when(node: Condition) -> When:
    """Compile a condition on an order."""
    match node:
        case AllOf() | AnyOf():
            parts = [when(part) for part in sorted(node.of, key=_cost)]
            return _every(parts) if isinstance(node, AllOf) else _some(parts)
        case NotOf():
            inner = when(node.of)
            return lambda cart: not inner(cart)
        case Is() | Among():
            return _among(node)
        case Than():
            return _compared_fact(node)
        case Sum():
            return _compared(sum_of(node), node.compare, node.value)
        case During():
            return lambda cart: windows.contains(node, cart.occurred_at)


def select(node: Condition) -> Select:
    """Compile a condition on lines."""
    match node:
        case AllOf():
            compiled = [select(part) for part in node.of]
            return lambda cart: _both(cart, compiled)
        case AnyOf():
            compiled = [select(part) for part in node.of]
            return lambda cart: _either(cart, compiled)
        case NotOf():
            inner = select(node.of)
            return lambda cart: cart.everything & ~inner(cart)
        case Is() | Among():
            return _select_text(node)
        case Than():
            return _select_number(node)
        case Sum() | During():
            raise AssertionError("it is of an order, which was checked when the document was read")


def sum_of(node: Sum) -> Callable[[Cart], int]:
    """Return the function that adds up what a sum is of."""
    picked = select(node.lines) if node.lines is not None else _everything
    match node.of:
        case Summed.AMOUNT:
            return lambda cart: cart.amount(picked(cart))
        case Summed.QUANTITY:
            return lambda cart: cart.quantity(picked(cart))
        case Summed.COUNT:
            return lambda cart: picked(cart).bit_count()


def nodes(node: Condition, depth: int = 1) -> Iterator[tuple[Condition, int]]:
    """Yield a condition and all conditions in it, each with its depth."""
    yield node, depth
    match node:
        case AllOf() | AnyOf():
            for part in node.of:
                yield from nodes(part, depth + 1)
        case NotOf():
            yield from nodes(node.of, depth + 1)
        case Sum() if node.lines is not None:
            yield from nodes(node.lines, depth + 1)
        case _:
            pass


def windows_of(node: Condition | None) -> list[During]:
    """Return the windows of time that a condition looks at."""
    return [] if node is None else [inner for inner, _ in nodes(node) if isinstance(inner, During)]


def only_falls(node: Condition) -> bool:
    """Return whether units that go back can only make the condition false, never true again."""
    match node:
        case AllOf() | AnyOf():
            return all(only_falls(part) for part in node.of)
        case NotOf():
            return is_frozen(node.of)
        case Is() | Among():
            return not _shrinks(node)
        case Than():
            return not _shrinks(node) or node.op in ("gt", "ge")
        case Sum():
            return node.compare in ("gt", "ge") and (node.lines is None or only_falls(node.lines))
        case During():
            return True


def is_frozen(node: Condition) -> bool:
    """Return whether the condition stays as it is, whatever units come to the order or leave it."""
    return not any(
        isinstance(inner, Sum) or (isinstance(inner, Is | Among | Than) and _shrinks(inner))
        for inner, _ in nodes(node)
    )


def _shrinks(node: Is | Among | Than) -> bool:
    fact = fact_named(node.fact)
    return fact is not None and fact.shrinks


def _compared_fact(node: Than) -> When:
    compared = _compared(reading.number_of(node.fact), node.op, node.value)
    if not node.fact.startswith(ACTIVITY):
        return compared
    name = node.fact.removeprefix(ACTIVITY)
    return lambda cart: cart.number(name) is not None and compared(cart)


def _compared(number: Callable[[Cart], int], op: str, value: int | dict[str, int]) -> When:
    """Return the comparison of a number with a value. Money has a value per currency."""
    compare = COMPARE[op]
    if isinstance(value, int):
        return lambda cart: compare(number(cart), value)
    return lambda cart: cart.currency in value and compare(number(cart), value[cart.currency])


def _every(parts: list[When]) -> When:
    """Return a condition that is true if all parts are."""

    def is_true(cart: Cart) -> bool:
        for part in parts:  # noqa: SIM110 - `all` with a generator takes twice as long
            if not part(cart):
                return False
        return True

    return is_true


def _some(parts: list[When]) -> When:
    """Return a condition that is true if any part is."""

    def is_true(cart: Cart) -> bool:
        for part in parts:  # noqa: SIM110 - `any` with a generator takes twice as long
            if part(cart):
                return True
        return False

    return is_true


def _cost(node: Condition) -> int:
    """Return the rank of a condition among its neighbours: cheap ones are looked at first."""
    return 2 if isinstance(node, Sum | During) else 0 if isinstance(node, Is | Among) else 1


def _among(node: Is | Among) -> When:
    values = frozenset([node.value] if isinstance(node, Is) else node.values)
    text, wanted = reading.value_of(node.fact), node.op in ("eq", "in")
    return lambda cart: (text(cart) in values) is wanted


def _select_text(node: Is | Among) -> Select:
    values: tuple[str | int, ...] = (node.value,) if isinstance(node, Is) else node.values
    attribute, wanted = node.fact.removeprefix("line."), node.op in ("eq", "in")
    texts = frozenset(value for value in values if isinstance(value, str))

    def picked(cart: Cart) -> int:
        mask, index = 0, cart.with_text(attribute)
        for value in texts if len(texts) < len(index) else texts & index.keys():
            mask |= index.get(value, 0)
        return mask if wanted else cart.everything & ~mask

    return picked


def _select_number(node: Than) -> Select:
    read: Callable[[Cart, int], int] = Cart.unit_price if node.fact == "line.unit_price" else Cart.quantity_of
    value = node.value
    includes_equal, above = node.op in ("le", "gt"), node.op in ("gt", "ge")

    def picked(cart: Cart) -> int:
        limit = value if isinstance(value, int) else value.get(cart.currency)
        if limit is None:
            return 0
        below = cart.with_number(read).below(limit, or_equal=includes_equal)
        return cart.everything & ~below if above else below

    return picked


def _both(cart: Cart, parts: list[Select]) -> int:
    mask = cart.everything
    for part in parts:
        mask &= part(cart)
    return mask


def _either(cart: Cart, parts: list[Select]) -> int:
    mask = 0
    for part in parts:
        mask |= part(cart)
    return mask


def _everything(cart: Cart) -> int:
    return cart.everything
