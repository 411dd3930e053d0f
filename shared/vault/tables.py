"""Declare the table of wrapped subject keys. Deleting a row makes the data of its subject unreadable."""

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
