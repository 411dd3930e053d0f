"""The refusals of returns, of rulebooks and their drafts, of simulations, and of explanations."""

from __future__ import annotations

from shared.errors import DomainError, Kind

DOCUMENT_BYTES_MAX = 256 * 1024
"""Bytes of the document of a rulebook as canonical JSON."""
RULEBOOKS_MAX = 1_000
"""Rulebooks of a programme, withdrawn ones too."""
DRAFTS_MAX = 100
"""Drafts of rulebooks of a programme."""


class UnitsNotReturnable(DomainError):
    """Units that were not bought, or that went back before."""

    kind = Kind.INVALID
    code = "units_not_returnable"


class NotOfThisPurchase(DomainError):
    """A return names another customer or order than the purchase that it is of."""

    kind = Kind.INVALID
    code = "not_of_this_purchase"


class RulebookInvalid(DomainError):
    """A document that is no rulebook; each fault has a pointer."""

    kind = Kind.INVALID
    code = "rulebook_invalid"


class RulebookTooLarge(DomainError):
    """A document that is longer than documents may be."""

    kind = Kind.INVALID
    code = "rulebook_too_large"
    constants = {"most": DOCUMENT_BYTES_MAX}


class InForceTooSoon(DomainError):
    """A rulebook would begin before every consumer has read it."""

    kind = Kind.INVALID
    code = "in_force_too_soon"


class NotAfterTheOthers(DomainError):
    """A rulebook would begin before one that is published."""

    kind = Kind.CONFLICT
    code = "not_after_the_others"


class CapChanged(DomainError):
    """A cap would count in other periods, or within another cap, than an earlier one with its code."""

    kind = Kind.CONFLICT
    code = "cap_changed"


class GoalChanged(DomainError):
    """A goal would measure something else, or count in other periods, than an earlier one with its code."""

    kind = Kind.CONFLICT
    code = "goal_changed"


class BudgetChanged(DomainError):
    """A budget would count in other periods than an earlier one with its code."""

    kind = Kind.CONFLICT
    code = "budget_changed"


class BudgetNotFound(DomainError):
    """The rules in force have no budget with this code."""

    kind = Kind.NOT_FOUND
    code = "budget_not_found"


class CeilingBelowUse(DomainError):
    """A budget would have fewer points than were granted of it."""

    kind = Kind.CONFLICT
    code = "ceiling_below_use"


class StockBelowUse(DomainError):
    """A reward would have fewer pieces than members hold of it."""

    kind = Kind.CONFLICT
    code = "stock_below_use"


class TooManyRulebooks(DomainError):
    """A programme has as many rulebooks as it may have."""

    kind = Kind.CONFLICT
    code = "too_many_rulebooks"
    constants = {"most": RULEBOOKS_MAX}


class RulebookInForce(DomainError):
    """A rulebook that is in force, or was, cannot be withdrawn."""

    kind = Kind.CONFLICT
    code = "rulebook_in_force"


class RulebookNotFound(DomainError):
    """There is no version of the rules with this number."""

    kind = Kind.NOT_FOUND
    code = "rulebook_not_found"


class DraftNotFound(DomainError):
    """There is no draft with this name."""

    kind = Kind.NOT_FOUND
    code = "rulebook_draft_not_found"


class TooManyDrafts(DomainError):
    """A programme has as many drafts as it may have."""

    kind = Kind.CONFLICT
    code = "too_many_rulebook_drafts"
    constants = {"most": DRAFTS_MAX}


class RulesForOperators(DomainError):
    """A customer asks for a simulation with rules that are not in force."""

    kind = Kind.FORBIDDEN
    code = "rules_for_operators"


class NoSuchPurchase(DomainError):
    """The member's ledger has no purchase with this id."""

    kind = Kind.NOT_FOUND
    code = "purchase_entry_not_found"
