"""What a database error means."""

import asyncpg
from sqlalchemy.exc import InternalError

from shared.db import failures


def test_a_connection_that_goes_in_mid_message_is_an_outage_and_no_bug() -> None:
    broken = asyncpg.InternalClientError("got result for unknown protocol state 3")

    assert failures.is_transient(broken)
    assert failures.is_broken_connection(broken)


def test_a_transaction_that_the_server_ended_because_nobody_went_on_is_done_again() -> None:
    ended = asyncpg.IdleInTransactionSessionTimeoutError(
        "terminating connection due to idle-in-transaction timeout"
    )

    assert failures.is_transient(ended)
    assert failures.is_broken_connection(ended)


def told(severity: str) -> asyncpg.PostgresError:
    """Return the error that the driver makes of what a server without room on its disk says to a new connection."""
    fields = {"S": severity, "V": severity, "C": "XX000", "M": "could not write init file"}
    error: asyncpg.PostgresError = asyncpg.PostgresError.new(fields)
    return error


def translated(error: asyncpg.PostgresError) -> InternalError:
    """Return the error that SQLAlchemy makes of an error of the driver."""
    middle = Exception(str(error))
    middle.__cause__ = error
    return InternalError(None, None, middle)


def test_a_session_that_the_server_ends_for_its_own_reasons_is_an_outage_and_no_bug() -> None:
    for severity, is_outage in (("FATAL", True), ("PANIC", True), ("ERROR", False)):
        for error in (told(severity), translated(told(severity))):
            assert failures.is_transient(error) is is_outage
