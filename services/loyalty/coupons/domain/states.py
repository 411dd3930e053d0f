"""The states of a claim on a code."""

from __future__ import annotations

from enum import StrEnum


class CodeClaimState(StrEnum):
    """The state of a claim on a code.

    `held`: a hold has it. `committed`: it was used for an order. `released`: its hold ended otherwise. `given_back`: its order was returned as a whole.
    """

    HELD = "held"
    COMMITTED = "committed"
    RELEASED = "released"
    GIVEN_BACK = "given_back"
