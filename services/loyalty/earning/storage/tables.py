"""The table of rulebooks."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Column, MetaData, Named, SmallInteger, Table, Text, TypedColumns

from shared.db import record_of
from shared.db.schema import INDEX_NAMES
from shared.db.types import BigInt

metadata = MetaData(naming_convention=INDEX_NAMES)


class RulebookColumns(TypedColumns):
    """The table of rulebooks: one row per version of a programme's rules."""

    programme_id: Named[int] = Column(SmallInteger, primary_key=True, autoincrement=False)
    version: Named[int] = Column(BigInt, primary_key=True, autoincrement=False)
    document: Named[str] = Column(Text)
    """`domain.rulebook.Rulebook` as JSON text."""


rulebook = Table("rulebook", metadata, RulebookColumns)


@record_of(rulebook)
@dataclass(frozen=True, slots=True)
class RulebookRecord:
    """A version of the rules of a programme."""

    programme_id: int
    version: int
    document: str
