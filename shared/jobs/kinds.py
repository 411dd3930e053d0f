"""The declaration of a kind of job: the work that is done chunk by chunk.

    async def export_page(tx: Tx, context: Context[Settings], held: Held) -> Step: ...

    EXPORT = JobKind(operation="export_purchases", step=export_page, file=FILE)

A step does the next chunk behind `held.cursor` in the transaction that it is given, and returns how far it came. The worker
stores that in the same transaction, so a chunk is done once, whatever happens to the process.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared.catalogues import Sentence
from shared.context import Context, Runtime
from shared.db import Tx
from shared.errors import FieldError
from shared.vault import Keys


@dataclass(frozen=True, slots=True)
class ItemError:
    """An item that could not be done: its row, and the field with the reason."""

    row: int
    error: FieldError

    @classmethod
    def of(cls, row: int, pointer: str, sentence: Sentence, **values: object) -> "ItemError":
        """Make the error of a row from a sentence of a catalogue and the values of its placeholders."""
        return cls(row, FieldError.of(pointer, sentence, **values))


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A job in the hands of a worker."""

    id: str
    principal: str
    issuer: str
    parameters: str
    """The parameters of the request, as JSON."""
    cursor: str
    """The place up to which the work is committed; empty at the beginning."""
    input_key: str | None
    total: int | None
    seen: int
    keys: Keys = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """The effect of one chunk."""

    cursor: str
    """The place behind the chunk."""
    finished: bool
    done: int = 0
    failed: int = 0
    errors: Sequence[ItemError] = ()
    outcomes: Mapping[str, int] = field(default_factory=dict)
    """The numbers of items that are done, by their outcome, if the kind of job has several."""
    output: str = ""
    """The next part of the file that the job makes."""
    total: int | None = None
    """The number of all items, once it is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """The input of a job, in the pieces in which its chunks take it, and its parameters as they are known before the first chunk."""

    pieces: Sequence[str] = ()
    parameters: str
    """The parameters of the request, as JSON, with what is known now."""
    total: int


Prepare = Callable[[Runtime[Any], Held, Sequence[str]], Awaitable[Prepared]]
"""Takes a job and the pieces of what it reads."""
Stopped = Callable[[Tx, str], Awaitable[None]]
"""Called with the id of a job in the transaction in which the job fails or is cancelled."""


@dataclass(frozen=True, slots=True)
class ResultFile:
    """The file that a job makes."""

    name: str
    media_type: str
    example: str
    """The beginning of such a file, for the OpenAPI document."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobKind:
    """A kind of job, named after the operation by which it is asked for."""

    operation: str
    step: Callable[[Tx, Context[Any], Held], Awaitable[Step]]
    file: ResultFile | None = None
    prepare: Prepare | None = None
    """The work before the first chunk that takes long: it parts what the job reads, or computes. It runs outside of a transaction."""
    stopped: Stopped | None = None
