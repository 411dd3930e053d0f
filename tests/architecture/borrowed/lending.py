"""How a borrowed internal is named, and what checks of its shape share."""

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Borrowed:
    """Internals of one library that one file of the product uses, and what they must be like."""

    library: str
    name: str
    used_in: str
    words: tuple[str, ...]
    """The words by which the file uses them."""
    check: Callable[[], Awaitable[None]]


def has(thing: object, *names: str) -> None:
    """Assert that an object has these attributes."""
    assert [name for name in names if not hasattr(thing, name)] == []


def takes(function: Callable[..., Any], *names: str) -> None:
    """Assert that a function or method begins with these parameters, `self` left out."""
    parameters = [name for name in inspect.signature(function).parameters if name != "self"]
    assert parameters[: len(names)] == list(names)
