"""The help of commands in the language of the person at the terminal.

The English texts stand in the code, beside what they explain. A file `help.toml` has the Chinese of each by its English.
"""

import re
import string
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from shared import catalogues, speech

FILE = Path(__file__).parent / "words" / "help.toml"
"""The texts of Typer itself, and of the commands of one service."""
USAGE_WORDS = ("Usage:", "[OPTIONS]", "COMMAND [ARGS]...")
"""The words of the line with the usage that are no names of commands."""
TYPERS_OWN = (
    "ABORTED_TEXT",
    "ARGUMENTS_PANEL_TITLE",
    "COMMANDS_PANEL_TITLE",
    "DEFAULT_STRING",
    "ERRORS_PANEL_TITLE",
    "OPTIONS_PANEL_TITLE",
    "REQUIRED_LONG_STRING",
    "RICH_HELP",
)
"""The names of the texts in `typer.rich_utils`."""

USAGE_ERRORS = (
    "usage_not_one_of",
    "usage_no_format",
    "usage_invalid",
    "usage_missing_argument",
    "usage_missing_option",
    "usage_missing_parameter",
    "usage_missing_command",
    "usage_no_command_close",
    "usage_no_command",
    "usage_no_option_close",
    "usage_no_option",
    "usage_needs_value",
    "usage_takes_no_value",
    "usage_extra",
)
"""The sentences about a wrong command line. The English ones are Typer's own, which it does not translate itself."""
PREFIX = "Value error, "
"""The words that pydantic puts before a sentence of Typer."""
UsageError: Any = typer.BadParameter.__base__  # Typer has no other public name for it

_files = [FILE]


class Command(TyperCommand):
    """A command whose help is in the language of the person at the terminal."""

    def get_usage(self, ctx: Any) -> str:  # Typer keeps the type of a context to itself
        """Return the line with the usage, which begins every help and every complaint about a wrong command line."""
        return _in_language(self, ctx, super().get_usage(ctx))

    def make_context(self, *args: Any, **options: Any) -> Any:  # likewise
        """Return the context of one call, or complain about its command line."""
        with _explained():
            return super().make_context(*args, **options)


class Group(TyperGroup):
    """A group of commands whose help is in the language of the person at the terminal."""

    def get_usage(self, ctx: Any) -> str:  # likewise
        """Return the line with the usage, which begins every help and every complaint about a wrong command line."""
        return _in_language(self, ctx, super().get_usage(ctx))

    def make_context(self, *args: Any, **options: Any) -> Any:  # likewise
        """Return the context of one call, or complain about its command line."""
        with _explained():
            return super().make_context(*args, **options)

    def invoke(self, ctx: Any) -> Any:  # likewise
        """Run the command that the command line names, or complain that there is none."""
        with _explained():
            return super().invoke(ctx)


def speak(file: Path, *groups: typer.Typer) -> None:
    """Let the commands of these groups, which are of the class `Group`, speak with the texts of a file."""
    _files.append(file)
    _chinese.cache_clear()
    for command in (command for group in groups for command in group.registered_commands):
        command.cls = Command


@contextmanager
def _explained() -> Iterator[None]:
    """Let a complaint about a command line speak the language of the person at the terminal."""
    try:
        yield
    except UsageError as error:
        _choose_typers_own()
        error.format_message = partial(complaint, error.format_message())
        raise


def complaint(english: str) -> str:
    """Return a complaint of Typer about a command line in the language of the person at the terminal."""
    english = english.replace(PREFIX, "", 1)
    for name in USAGE_ERRORS:
        if match := _pattern(name).fullmatch(english):
            values: dict[str, object] = {**match.groupdict()}
            if known := match.groupdict().get("known"):
                values["known"] = known.split(", ")
            return speech.spoken(speech.words(__name__, name, **values))
    return english


@cache
def _pattern(name: str) -> re.Pattern[str]:
    """Return the pattern of Typer's own sentence."""
    template, _ = catalogues.nearest(__name__).sentence("commands", name)
    parts = string.Formatter().parse(template)
    return re.compile(
        "".join(re.escape(text) + (f"(?P<{field}>.+?)" if field else "") for text, field, _, _ in parts)
    )


@cache
def _chinese() -> dict[str, str]:
    """Return the Chinese texts by their English."""
    return {english: chinese for file in _files for english, chinese in texts(file).items()}


def texts(file: Path) -> dict[str, str]:
    """Return the Chinese texts of a file by their English."""
    return tomllib.loads(file.read_text(encoding="utf-8"))


@cache
def _typers_own() -> dict[str, str]:
    """Return the English texts of Typer by their names."""
    from typer import rich_utils  # only a help needs it

    return {name: getattr(rich_utils, name) for name in TYPERS_OWN}


def _spoken() -> dict[str, str]:
    """Return the Chinese texts by their English for a Chinese terminal, and none for another."""
    return _chinese() if speech.language() == "zh" else {}


def _choose_typers_own() -> None:
    """Set Typer's own texts to those of the language of the terminal, and its highlighter to one that folds."""
    from typer import rich_utils  # likewise

    for name, english in _typers_own().items():
        setattr(rich_utils, name, _spoken().get(english, english))
    rich_utils.highlighter = _folding()


@cache
def _folding() -> Any:
    """Return Typer's highlighter, which sees every text of a help, with a rule for text that has no blanks.

    In a table, Rich cuts a word that is wider than its column. A Chinese sentence is one word to Rich.
    """
    from typer import rich_utils  # likewise

    class Folding(rich_utils.OptionHighlighter):
        """A highlighter whose texts continue on the next line between any two characters."""

        def highlight(self, text: Any) -> None:
            """Colour the options in a text, and let the text fold."""
            super().highlight(text)
            text.overflow = "fold"

    return Folding()


def _in_language(command: Command | Group, ctx: Any, usage: str) -> str:
    _choose_typers_own()
    chinese = _spoken()
    for part in (command, *command.get_params(ctx), *getattr(command, "commands", {}).values()):
        part.help = chinese.get(part.help, part.help)
    for words in USAGE_WORDS:
        usage = usage.replace(words, chinese.get(words, words), 1)
    return usage
