"""Everything that a command says to a person is a sentence of a catalogue, which has it in both languages."""

import ast
import re
from collections.abc import Iterator

from huitou.speech import WORDS
from shared import catalogues
from tests.architecture.sources import Source, python_sources

COMMAND = [source for source in python_sources() if source.path.parts[0] == "huitou"]
SPEAKERS = {"Refused", "typer.echo", "typer.confirm", "bar.add_task"}
"""The calls whose texts a person reads."""
TOLD = {
    "BadSetting",
    "DatabaseAway",
    "Drift",
    "RowRule",
    "LogNewer",
    "SigningKeyBroken",
    "UnusableAccess",
    "UnusableDatabase",
    "UnusableUrl",
    "VaultKeyBroken",
}
"""The errors and differences of every package whose texts a command prints."""
NAMING = {"said", "words", "_words"}
"""The calls that name a sentence of a catalogue."""
WORDS_IN_A_ROW = re.compile(r"(?<![-\w])[A-Za-z]{2,} [A-Za-z]{2,}")


def _calls(source: Source) -> Iterator[ast.Call]:
    return (node for node in ast.walk(source.tree) if isinstance(node, ast.Call))


def _literals(node: ast.AST) -> Iterator[str]:
    """Yield the texts in an expression, but for those that name a sentence."""
    if isinstance(node, ast.Call) and ast.unparse(node.func) in NAMING:
        return
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    for child in ast.iter_child_nodes(node):
        yield from _literals(child)


def test_no_command_says_a_sentence_that_is_in_no_catalogue() -> None:
    speaking = [
        (source, call)
        for source in COMMAND
        for call in _calls(source)
        if ast.unparse(call.func) in SPEAKERS and source.path.parts[1] != "reference.py"
    ]
    bare = [
        f"{source.path}:{call.lineno}: {text}"
        for source, call in speaking
        for text in _literals(call)
        if WORDS_IN_A_ROW.search(text)
    ]

    assert len(speaking) > 80
    assert bare == []


def test_no_error_that_a_command_prints_has_a_sentence_that_is_in_no_catalogue() -> None:
    telling = [
        (source, call)
        for source in python_sources()
        if source.is_product
        for call in _calls(source)
        if ast.unparse(call.func) in TOLD
    ]
    bare = [
        f"{source.path}:{call.lineno}: {text}"
        for source, call in telling
        for text in _literals(call)
        if WORDS_IN_A_ROW.search(text)
    ]

    assert len(telling) > 70
    assert bare == []


def test_every_sentence_that_is_said_exists_and_gets_all_its_values() -> None:
    catalogue = catalogues.read(WORDS)
    said = [call for source in COMMAND for call in _calls(source) if ast.unparse(call.func) == "said"]
    named = [call for call in said if isinstance(call.args[0], ast.Constant)]
    for call in named:
        name = ast.literal_eval(call.args[0])
        english, _ = catalogue.sentence("commands", name)  # it exists in both, with the same placeholders
        given = {keyword.arg for keyword in call.keywords}
        if None not in given:  # a mapping that is spread is known only when the command runs
            assert given == catalogues.placeholders(english), name

    assert len(named) > 100
