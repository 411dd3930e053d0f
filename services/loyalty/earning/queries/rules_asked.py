"""The rules that a cart is looked at by: a document, or the version in force at its time, with the tier that they look at."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from services.loyalty.activities.domain.facts import Facts
from services.loyalty.earning.domain import compiling, earning
from services.loyalty.earning.domain.cart import Cart
from services.loyalty.earning.domain.compiling import CompiledRulebook
from services.loyalty.earning.domain.document import canonical, default_document
from services.loyalty.earning.domain.rulebook import Rulebooks
from services.loyalty.earning.queries.rulebooks import compiled_of
from services.loyalty.earning.storage import rulebooks
from services.loyalty.ledger.domain.documents import hash_of
from services.loyalty.ledger.domain.entries import SHOP
from services.loyalty.ledger.domain.programme import Programme
from services.loyalty.ledger.queries.find_member import FoundMember
from services.loyalty.purchases.domain.facts import Line, MemberFacts
from services.loyalty.tiers.queries.tiers_before import Spent, tiers_before
from shared.db import Read


@dataclass(frozen=True, slots=True)
class AskedActivity:
    """An activity that nobody has told of."""

    kind: str
    facts: Facts


@dataclass(frozen=True, slots=True)
class Asked:
    """A cart or an activity that is asked about. `document`: the text of the document that it is tried with; None: the version in force then."""

    identity_id: str
    """The buyer, if a member is named."""
    at: datetime
    currency: str
    lines: tuple[Line, ...]
    source: str | None
    channel: str | None
    store: str | None
    document: str | None
    activity: AskedActivity | None = None
    issuer: str = SHOP
    """The issuer that tells the purchase or the activity: the shop, or `partner:<id>`."""

    @property
    def amount_minor(self) -> int:
        """Return what all lines come to."""
        return sum(line.amount_minor for line in self.lines)


@dataclass(frozen=True, slots=True)
class RulesAsked:
    """The rules for a cart. `version` None: a document that is no version of the rules."""

    version: int | None
    hash: bytes
    book: CompiledRulebook
    until: datetime | None = None
    """The begin of the next version that is published; None: there is none."""
    tier: str | None = None
    """The member's tier before the purchase; None: no rule looks at it."""


async def rules_for_purchase(
    read: Read, programme: Programme, found: FoundMember | None, asked: Asked
) -> RulesAsked:
    """Return the rules for a purchase, with the member's tier if a rule or a goal looks at it. `found` None: somebody who never bought."""
    rules = await _rules(read, programme, asked)
    return await _with_tier(read, programme, found, asked, rules, is_asked=rules.book.needs_tier)


async def rules_for_quote(
    read: Read, programme: Programme, found: FoundMember | None, asked: Asked
) -> RulesAsked:
    """Return the rules for a quote, with the member's tier if a rule, a goal or a promotion looks at it."""
    rules = await _rules(read, programme, asked)
    return await _with_tier(read, programme, found, asked, rules, is_asked=rules.book.quote_needs_tier)


def cart_of(rules: RulesAsked, asked: Asked) -> Cart:
    """Return a cart or an activity as rules look at it."""
    if asked.activity is not None:
        member, activity = None if rules.tier is None else MemberFacts(rules.tier), asked.activity
        return earning.cart_of_activity(
            activity.kind, activity.facts, asked.at, member, asked.source, asked.issuer
        )
    return Cart(
        currency=asked.currency,
        occurred_at=asked.at,
        lines=asked.lines,
        member=None if rules.tier is None else MemberFacts(rules.tier),
        source=asked.source,
        channel=asked.channel,
        store=asked.store,
        issuer=asked.issuer,
    )


async def _rules(read: Read, programme: Programme, asked: Asked) -> RulesAsked:
    versions = () if asked.document is not None else await rulebooks.versions(read)
    if not versions:
        text = asked.document or canonical(default_document(programme.currency))
        return RulesAsked(None, hash_of(text), compiling.parse(text))
    rulebooks_known = Rulebooks(versions)
    version = rulebooks_known.at(asked.at)
    book = (await compiled_of(read, [version.version]))[version.version]
    return RulesAsked(version.version, version.hash, book, rulebooks_known.until(asked.at))


async def _with_tier(
    read: Read,
    programme: Programme,
    found: FoundMember | None,
    asked: Asked,
    rules: RulesAsked,
    *,
    is_asked: bool,
) -> RulesAsked:
    if not is_asked:
        return rules
    tier = programme.lowest
    if found is not None:
        spent = Spent(asked.identity_id, asked.currency, asked.at, asked.amount_minor)
        (tier,) = await tiers_before(read, programme, found.locked, [spent])
    return replace(rules, tier=tier)
