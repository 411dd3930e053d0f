"""Source records: what somebody reported about a customer, and the values in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from services.profile.people.domain.survivorship import Evidence
from services.profile.people.storage.tables import (
    CustomerValueRecord,
    SourceRecord,
    customer_value,
    source_record,
)
from shared.db import Read, Tx, any_of, columns_of

NAME = "name"
"""The field of a customer's name."""


@dataclass(frozen=True, slots=True)
class SealedValue:
    """A value of a field, as far as survivorship needs it."""

    identity_id: str
    record_id: str
    issuer: str
    sealed: bytes
    evidence: Evidence
    verified_at: datetime | None
    observed_at: datetime


async def names(read: Read, identity_ids: Sequence[str]) -> list[SealedValue]:
    """Return the names that source records gave to these identities."""
    columns = customer_value.c
    return await read.read_records(
        SealedValue,
        select(*columns_of(customer_value, SealedValue)).where(
            any_of(columns.identity_id, identity_ids), columns.field == NAME, columns.absence.is_(None)
        ),
    )


async def insert(tx: Tx, record: SourceRecord, values: Sequence[CustomerValueRecord]) -> None:
    """Store a source record and the values that it brought."""
    await tx.insert_records(source_record, [record])
    if values:
        await tx.insert_records(customer_value, values)
