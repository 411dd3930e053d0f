"""The kernel's tests run on both databases."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import MetaData

from shared.consume import tables as consume_tables
from shared.db import Database, kernel_metadata
from shared.outbox import tables as outbox_tables
from shared.vault import Vault, open_vault
from tests.parts import databases
from tests.shared import ledger

assert consume_tables.inbox.metadata is outbox_tables.outbox.metadata is kernel_metadata


@pytest.fixture(params=databases.KINDS)
def kind(request: pytest.FixtureRequest) -> databases.Kind:
    """Which database."""
    kind: databases.Kind = request.param
    return kind


@pytest.fixture
async def database(kind: databases.Kind, tmp_path: Path) -> AsyncIterator[Database]:
    """The kernel's tables and the toy ledger's."""
    declared: list[MetaData] = [kernel_metadata, ledger.metadata]
    async with databases.declared(kind, declared, folder=tmp_path) as opened:
        yield opened


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    """A vault of its own."""
    return open_vault(tmp_path, "test")
