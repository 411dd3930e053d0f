"""The table at the end of a run."""

from typing import Any

from tests.bench import measuring


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Write what was measured, whether or not it is enough."""
    if not measuring.FIGURES:
        return
    terminalreporter.section("figures")
    for line in measuring.table():
        terminalreporter.write_line(line)
