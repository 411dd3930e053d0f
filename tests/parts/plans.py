"""The plans by which SQLite reads the rows of statements."""

from typing import Any

from sqlalchemy import ClauseElement, CursorResult, Executable
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

from shared.db import Read
from shared.db.access import Parameters


class PlannedRead(Read):
    """A read of SQLite that keeps the plans of its statements."""

    dialect = "sqlite"

    def __init__(self, read: Read) -> None:
        self._read = read
        self.plans: list[list[str]] = []
        """The steps of each plan, one plan per statement."""

    async def run(
        self, statement: Executable, parameters: Parameters = None
    ) -> CursorResult[*tuple[Any, ...]]:
        """Run one statement, and keep its plan."""
        steps = (await self._read.run(_Plan(statement), parameters)).all()
        self.plans.append([step[-1] for step in steps])
        return await self._read.run(statement, parameters)


class _Plan(Executable, ClauseElement):
    """The statement that asks for the plan of another one."""

    inherit_cache = False

    def __init__(self, statement: Executable) -> None:
        assert isinstance(statement, ClauseElement)
        self.statement = statement


@compiles(_Plan)
def _explained(plan: _Plan, compiler: SQLCompiler, **options: Any) -> str:
    return f"EXPLAIN QUERY PLAN {compiler.process(plan.statement, **options)}"
