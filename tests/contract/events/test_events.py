"""Facts about the models themselves: names, bounds, words, and what they must never carry."""

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from pydantic import ValidationError

from shared import ids
from shared.events import ALL, BY_TYPE, schema
from shared.events.base import Cause, Event
from shared.events.loyalty import PointsEarned
from shared.events.profile import CustomerMerged, PurchaseLine, PurchaseRecorded, PurchaseReturned
from shared.limits import EVENT_BYTES_MAX
from tests.contract.events.shapes import EVENTS, bytes_max, field_names, leaves

# Every field that an event may have. A new name is added here by somebody who has asked: can this be personal?
HARMLESS = set(
    """
    amount_minor as_of attributes brand calendar_id calendar_version category cause channel claim_id code complaint_id
    contact_at count created_at currency customer_id cycle deadline_at decided_by detected_at due_at erasure_id expires_at
    former_customer_id fulfilled_at granted_at holds id identity_id issuer key_hash key_id kind label label_sequence language lead_days level
    line lines link_id metric model_version moved_by must_not_link occurred_at opened_by order_id ordinal
    origin outcome ownership_version partner_id points policy_id policy_version previous priority problem_type programme
    purchase_id purchased_at quantity received_at record_version reference_key references region_code remedy_id return_id
    reward reward_kind reward_version
    revoked_at scopes
    since sku source spend_minor status store tags tier transaction_id unit_from unit_to valid_until wiped
    """.split()
)


def earned(**changes: object) -> PointsEarned:
    purchase_id = ids.new_id("pur")
    fields: dict[str, object] = {
        "identity_id": ids.new_id("cus"),
        "customer_id": ids.new_id("cus"),
        "occurred_at": datetime(2026, 3, 2, 9, 41, 7, tzinfo=UTC),
        "cause": Cause(kind="purchase", id=purchase_id),
        "programme": "default",
        "points": 173,
        "transaction_id": "txn_1",
    }
    return PointsEarned.model_validate({**fields, **changes})


def test_no_two_events_share_a_type() -> None:
    assert len(BY_TYPE) == len(ALL) > 0


@pytest.mark.parametrize("event", EVENTS)
def test_a_type_names_its_service_its_fact_and_its_version(event: type[Event]) -> None:
    assert re.fullmatch(r"(profile|loyalty|feedback|scoring)\.[a-z]+(_[a-z]+)*\.v[1-9]", event.type)
    assert event.__module__ == f"shared.events.{event.type.partition('.')[0]}"


@pytest.mark.parametrize("event", EVENTS)
def test_an_event_and_each_of_its_fields_has_a_sentence(event: type[Event]) -> None:
    document = schema.generate(event)

    for part in (document, *document.get("$defs", {}).values()):
        assert part["description"].endswith("."), part["title"]
        for name, field in part["properties"].items():
            assert field.get("description", "").endswith((".", "…")), f"{part['title']}.{name}"


@pytest.mark.parametrize("event", EVENTS)
def test_no_field_can_carry_personal_data(event: type[Event]) -> None:
    assert field_names(event) <= HARMLESS


def test_the_list_of_harmless_fields_names_no_field_that_is_gone() -> None:
    assert set().union(*map(field_names, ALL)) == HARMLESS


@pytest.mark.parametrize("event", EVENTS)
def test_every_text_list_and_number_has_a_bound(event: type[Event]) -> None:
    document = schema.generate(event)
    found = list(leaves(document, document.get("$defs", {})))

    assert found
    for leaf in found:
        match leaf["type"]:
            case "string":
                assert leaf.get("format") == "date-time" or {"maxLength", "pattern"} <= leaf.keys(), leaf
            case "integer":
                assert -(2**63) <= leaf["minimum"] <= leaf["maximum"] <= 2**63 - 1, leaf
            case "array":
                assert "maxItems" in leaf, leaf
            case other:
                pytest.fail(f"{other} is not exact")


@pytest.mark.parametrize("event", EVENTS)
def test_the_largest_event_fits_into_a_record(event: type[Event]) -> None:
    document = schema.generate(event)

    assert bytes_max(document, document.get("$defs", {})) <= EVENT_BYTES_MAX


@pytest.mark.parametrize("event", EVENTS)
def test_an_event_is_frozen_and_deaf_to_fields_it_does_not_know(event: type[Event]) -> None:
    (example, *_) = schema.examples(event).values()

    read = event.model_validate_json(schema.text({**example, "loyalty_card_colour": "teal"}))

    assert "loyalty_card_colour" not in read.model_dump()
    with pytest.raises(ValidationError):
        read.occurred_at = datetime(2026, 3, 2, tzinfo=UTC)  # type: ignore[misc]
    assert hash(read) == hash(event.model_validate_json(schema.text(example)))


def test_the_key_is_the_identity() -> None:
    event = earned()

    assert event.key == event.identity_id
    assert event.identities == (event.identity_id,)


def test_a_merge_names_the_identity_that_moved_and_both_owners_once_each() -> None:
    moved, owner = ids.new_id("cus"), ids.new_id("cus")
    link_id = ids.new_id("lnk")

    merged = CustomerMerged(
        identity_id=moved,
        customer_id=owner,
        occurred_at=datetime(2026, 3, 2, tzinfo=UTC),
        cause=Cause(kind="link", id=link_id),
        link_id=link_id,
        former_customer_id=moved,
        ownership_version=1,
        decided_by="person",
    )

    assert merged.identities == (moved, owner)


def test_an_instant_is_written_in_utc_with_all_its_microseconds() -> None:
    event = earned(occurred_at=datetime(2026, 3, 2, 17, 41, 7, tzinfo=timezone(timedelta(hours=8))))

    assert event.occurred_at.tzinfo is UTC
    assert '"occurred_at":"2026-03-02T09:41:07.000000Z"' in event.model_dump_json()


@pytest.mark.parametrize(
    "instant",
    [
        datetime(2026, 3, 2),  # noqa: DTZ001
        datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))),
        datetime(2200, 1, 1, tzinfo=UTC),
    ],
)
def test_an_instant_without_a_zone_or_beyond_all_storage_is_refused(instant: datetime) -> None:
    with pytest.raises(ValidationError):
        earned(occurred_at=instant)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("points", 0),
        ("points", 2**63),
        ("points", True),
        ("points", "173"),
        ("points", 173.0),
        ("identity_id", "cus_li"),
        ("identity_id", "cus_01M804S0BGE35R3GY8N68QQG3H"),
        ("identity_id", "pur_01m804s0bge35r3gy8n68qqg3h"),
        ("programme", "Default programme"),
    ],
)
def test_a_field_is_exact_about_its_type_and_bounds(field: str, value: object) -> None:
    with pytest.raises(ValidationError):
        earned(**{field: value})


def test_a_purchase_that_does_not_add_up_is_refused() -> None:
    example = schema.examples(PurchaseRecorded)["full.json"]

    with pytest.raises(ValidationError, match="sum of the lines"):
        PurchaseRecorded.model_validate_json(schema.text({**example, "amount_minor": 1}))
    with pytest.raises(ValidationError, match="numbered"):
        PurchaseRecorded.model_validate_json(schema.text({**example, "lines": example["lines"][::-1]}))


def test_a_return_of_the_same_unit_twice_is_refused() -> None:
    example = schema.examples(PurchaseReturned)["full.json"]
    line = example["lines"][0]

    twice = {**example, "amount_minor": 2 * line["amount_minor"], "lines": [line, line]}

    with pytest.raises(ValidationError, match="overlap"):
        PurchaseReturned.model_validate_json(schema.text(twice))
    with pytest.raises(ValidationError, match="range of units"):
        PurchaseReturned.model_validate_json(
            schema.text(
                {**example, "lines": [{**line, "unit_to": line["unit_to"] + 1}, *example["lines"][1:]]}
            )
        )


def test_a_text_with_a_control_character_is_refused() -> None:
    with pytest.raises(ValidationError):
        PurchaseLine(line=1, sku="TEA\x00", quantity=1, amount_minor=0)
