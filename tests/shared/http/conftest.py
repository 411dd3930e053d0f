from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.parts.postgres import Databases, open_postgres
from tests.shared.http.till import Till, open_till


@pytest.fixture(scope="session")
def postgres() -> Iterator[Databases]:
    databases = open_postgres()
    yield databases
    databases.close()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
async def till(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Till]:
    """A till on each database."""
    if request.param == "sqlite":
        async with open_till(tmp_path, f"sqlite:///{tmp_path}/till.db") as opened:
            yield opened
        return
    databases: Databases = request.getfixturevalue("postgres")
    url = await databases.create_database()
    async with open_till(tmp_path, url) as opened:
        yield opened
    await databases.drop_database(url)


@pytest.fixture
async def one_till(tmp_path: Path) -> AsyncIterator[Till]:
    """A till on SQLite: for what no database has a part in."""
    async with open_till(tmp_path, f"sqlite:///{tmp_path}/till.db") as opened:
        yield opened
