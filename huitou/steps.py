"""The steps of a command that takes long, told to a person who waits at a terminal."""

import sys

import typer


def tell(sentence: str) -> None:
    """Print what the command does now on standard error. Nobody waits where that is no terminal: then nothing is printed."""
    if sys.stderr.isatty():
        typer.echo(sentence, err=True)
