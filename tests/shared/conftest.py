"""The kernel's tests run on both databases, with the kernel's tables and the toy ledger's."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from sqlalchemy import MetaData

from shared.consume import tables as consume_tables
from shared.db import kernel_metadata
from shared.outbox import tables as outbox_tables
from shared.vault import Vault, open_vault
from tests.shared import ledger

assert consume_tables.inbox.metadata is outbox_tables.outbox.metadata is kernel_metadata


@pytest.fixture
def tables() -> Sequence[MetaData]:
    """The kernel's tables and the toy ledger's."""
    return (kernel_metadata, ledger.metadata)


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    """A vault of its own."""
    return open_vault(tmp_path, "test")
