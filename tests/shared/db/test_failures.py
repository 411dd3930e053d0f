"""What a database error means."""

import asyncpg

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
