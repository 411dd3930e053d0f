"""The invariants of identities, for `huitou verify` and the running verification."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from services.profile.people.steps.tell_references import FIRST_VERSION
from services.profile.people.storage.rules import EXTERNAL_IDS, IDENTITIES, RULES, WALKS
from shared.events.base import REFERENCES_MAX
from shared.events.profile import CustomerRegistered, CustomerUpdated
from shared.verify.event_rules import EventRule, Fact, read_rows
from shared.verify.row_rules import invariants_of


def _registered(event: CustomerRegistered) -> Fact:
    return Fact(event.identity_id)


def _first_ids(event: CustomerRegistered) -> Fact:
    return _told(event.identity_id, FIRST_VERSION, len(event.references))


def _ids(event: CustomerUpdated) -> Fact:
    return _told(event.identity_id, event.record_version, len(event.references))


def _stored_ids(row: Sequence[Any]) -> Fact:  # each column has its own type
    return _told(*row)


def _told(identity_id: str, record_version: int, external_ids: int) -> Fact:
    return Fact(f"{identity_id} version {record_version}", (min(external_ids, REFERENCES_MAX),))


INVARIANTS = replace(
    invariants_of(RULES, WALKS),
    event_rules=(
        EventRule("identity_has_its_event", {CustomerRegistered: _registered}, read_rows(IDENTITIES)),
        # Of an identity without external ids not every version is told, and only its last version is stored.
        EventRule(
            "external_ids_are_those_told",
            {CustomerRegistered: _first_ids, CustomerUpdated: _ids},
            read_rows(EXTERNAL_IDS, fact=_stored_ids),
            rows_need_events=False,
            events_need_rows=False,
        ),
    ),
)
