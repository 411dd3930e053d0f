"""Declare the table of wrapped subject keys, and the table of check values of the installation's keys.

Deleting the row of a subject's key makes the data of the subject unreadable.
"""

from dataclasses import dataclass

from sqlalchemy import CheckConstraint, Column, Named, SmallInteger, Table, TypedColumns

from shared.db import kernel_metadata, record_of
from shared.db.types import Id, Sealed

BUCKETS = 4096
"""The number of groups of subject keys. Later, a whole group can be wrapped again after one of its keys was destroyed."""


class SubjectKeyColumns(TypedColumns):
    """One key per subject, wrapped by the installation's key of one generation."""

    identity_id: Named[str] = Column(Id, primary_key=True)
    bucket: Named[int] = Column(SmallInteger, nullable=False)
    master_key: Named[int] = Column(SmallInteger, nullable=False)
    wrapped: Named[bytes] = Column(Sealed, nullable=False)


subject_key = Table(
    "subject_key",
    kernel_metadata,
    SubjectKeyColumns,
    CheckConstraint(f"bucket >= 0 AND bucket < {BUCKETS}", name="subject_key_bucket"),
)


@record_of(subject_key)
@dataclass(frozen=True, slots=True)
class SubjectKeyRecord:
    """A row of the table of wrapped subject keys."""

    identity_id: str
    bucket: int
    master_key: int
    wrapped: bytes


class KeyCheckColumns(TypedColumns):
    """The check value of each key that this database was written with."""

    purpose: Named[str] = Column(Id, primary_key=True)
    generation: Named[int] = Column(SmallInteger, primary_key=True)
    value: Named[bytes] = Column(Sealed, nullable=False)


key_check = Table("key_check", kernel_metadata, KeyCheckColumns)


@record_of(key_check)
@dataclass(frozen=True, slots=True)
class KeyCheckRecord:
    """The check value of one key."""

    purpose: str
    generation: int
    value: bytes
