"""The table of wrapped subject keys: a row gone is a subject unreadable."""

from sqlalchemy import CheckConstraint, Column, Named, SmallInteger, Table, TypedColumns

from shared.db import kernel_metadata
from shared.db.types import Id, Sealed

BUCKETS = 4096
"""Into how many groups subject keys fall, so that a group can later be wrapped anew when one of it is destroyed."""


class SubjectKeyColumns(TypedColumns):
    """One key a subject, wrapped by the installation key of one generation."""

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
