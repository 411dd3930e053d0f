"""Rows and records are matched by name."""

from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import Column, Integer, MetaData, Named, Table, Text, TypedColumns, select

from shared.db import Database, columns_of, record_of

metadata = MetaData()


class NoteColumns(TypedColumns):
    """A row with a key and two values."""

    id: Named[int] = Column(Integer, primary_key=True)
    title: Named[str] = Column(Text)
    body: Named[str] = Column(Text)


note = Table("note", metadata, NoteColumns)


@record_of(note)
@dataclass(frozen=True, slots=True)
class Note:
    id: int
    title: str
    body: str


@dataclass(frozen=True, slots=True)
class Heading:
    title: str
    id: int


@dataclass(frozen=True, slots=True)
class Title:
    title: str


@pytest.fixture
async def notes(tmp_path: Any) -> Any:
    from tests.parts import databases

    async with databases.declared("sqlite", [metadata], folder=tmp_path) as database:
        yield database


def test_a_record_that_lacks_a_column_cannot_be_declared() -> None:
    with pytest.raises(TypeError, match="Heading and the table note differ in body"):
        record_of(note)(Heading)


async def test_records_come_back_as_they_were_written(notes: Database) -> None:
    written = [Note(1, "a", "first"), Note(2, "b", "second")]
    async with notes.begin() as tx:
        await tx.insert_records(note, written)

    async with notes.read() as read:
        assert await read.read_records(Note, select(note).order_by(note.c.id)) == written
        assert await read.read_record(Note, select(note).where(note.c.id == 2)) == written[1]
        assert await read.read_record(Note, select(note).where(note.c.id == 3)) is None


async def test_a_record_is_built_by_name_whatever_the_order_of_the_columns(notes: Database) -> None:
    async with notes.begin() as tx:
        await tx.insert_records(note, [Note(1, "a", "first")])

    async with notes.read() as read:
        assert await read.read_records(Heading, select(note.c.id, note.c.title)) == [Heading("a", 1)]
        assert await read.read_records(Heading, select(*columns_of(note, Heading))) == [Heading("a", 1)]
        assert await read.read_records(Title, select(note.c.title)) == [Title("a")]


async def test_rows_with_other_names_than_the_record_are_refused(notes: Database) -> None:
    async with notes.begin() as tx:
        await tx.insert_records(note, [Note(1, "a", "first")])

    async with notes.read() as read:
        with pytest.raises(TypeError, match="Heading and the rows differ in body"):
            await read.read_records(Heading, select(note))


async def test_only_the_named_columns_are_updated(notes: Database) -> None:
    async with notes.begin() as tx:
        await tx.insert_records(note, [Note(1, "a", "first")])
        await tx.update_records(note, [Note(1, "b", "ignored")], columns=["title"])

    async with notes.read() as read:
        assert await read.read_records(Note, select(note)) == [Note(1, "b", "first")]


async def test_only_new_records_are_inserted_and_returned(notes: Database) -> None:
    async with notes.begin() as tx:
        await tx.insert_records(note, [Note(1, "a", "first")])
        new = await tx.insert_new_records(note, [Note(1, "x", "y"), Note(2, "b", "second")])

    assert new == [(2,)]
