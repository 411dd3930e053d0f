"""The reasons why a rule grants nothing: rules answer them, and the HTTP edge shows them."""

from enum import StrEnum


class Reason(StrEnum):
    """The reason why a rule grants nothing.

    `condition`: the order does not meet its condition. `no_line`: no line does. `less_than_best`: another rule of its group counts.
    """

    CONDITION = "condition"
    NO_LINE = "no_line"
    NOT_IN_FORCE = "not_in_force"
    NO_RATE = "no_rate"
    ZERO = "zero"
    NOTHING_TO_MULTIPLY = "nothing_to_multiply"
    LESS_THAN_BEST = "less_than_best"


class CutBy(StrEnum):
    """The reason why less is granted than a rule wanted: a cap of the member, or a budget that all members share."""

    CAP = "cap"
    BUDGET = "budget"
