"""Every column is sealed, or says what it may hold in plain text."""

from tests.parts import at_rest


def test_every_column_that_can_hold_a_text_is_sealed_or_has_a_form() -> None:
    unclassed = {
        f"{service}: {at_rest.names_of(table, column)[0]}"
        for service, table, column in at_rest.columns()
        if (
            at_rest.names_of(table, column)[0] not in at_rest.DOCUMENTS
            if at_rest.is_document(column)
            else at_rest.form_of(table, column) is None
        )
    }
    assert unclassed == set(), (
        "seal what a person can write (shared/vault), or say in tests/parts/at_rest.py what these columns look like"
    )


def test_no_column_is_listed_for_nothing() -> None:
    used = {
        next((name for name in at_rest.names_of(table, column) if name in at_rest.COLUMNS), "")
        for _, table, column in at_rest.columns()
        if not at_rest.is_document(column)
    }
    documents = {
        at_rest.names_of(table, column)[0]
        for _, table, column in at_rest.columns()
        if at_rest.is_document(column)
    }
    assert set(at_rest.COLUMNS) - used == set()
    assert set(at_rest.DOCUMENTS) - documents == set()
