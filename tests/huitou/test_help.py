"""The help of each command reads well at any width of the terminal."""

import pytest
from typer.testing import CliRunner

from huitou.__main__ import app


@pytest.mark.parametrize("command", [["import", "purchases"], ["dead-letters", "pass"]])
def test_a_paragraph_is_not_broken_where_the_docstring_breaks_it(command: list[str]) -> None:
    told = (
        CliRunner()
        .invoke(app, [*command, "--help"], env={"COLUMNS": "4000", "TERMINAL_WIDTH": "4000"})
        .output
    )

    prose = [line for line in told.splitlines() if line.strip() and not line.startswith(("╭", "│", "╰"))]
    assert len(prose) == 3, "the usage and two paragraphs"
