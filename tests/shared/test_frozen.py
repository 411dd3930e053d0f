"""Frozen dataclasses that are made quickly are made, and refuse, like all others."""

import copy
import inspect
import pickle
from dataclasses import FrozenInstanceError, dataclass, field, replace

import pytest

from shared.frozen import quickly_made


@dataclass(frozen=True, slots=True)
class Slow:
    kind: str
    count: int = 1
    note: str | None = field(default=None, kw_only=True)


@quickly_made
@dataclass(frozen=True, slots=True)
class Quick:
    kind: str
    count: int = 1
    note: str | None = field(default=None, kw_only=True)


class Kept(Quick):
    """A subclass that makes its objects as the class above it does."""

    __slots__ = ()


def test_an_object_has_its_fields_and_defaults_like_that_of_another_frozen_class() -> None:
    quick = Quick("a", note="b")
    assert (quick.kind, quick.count, quick.note) == ("a", 1, "b")
    assert inspect.signature(Quick) == inspect.signature(Slow)
    assert repr(quick).replace("Quick", "Slow") == repr(Slow("a", note="b"))


def test_an_object_is_frozen_of_its_class_and_equal_by_its_fields() -> None:
    quick = Quick("a", 2)
    assert type(quick) is Quick
    assert type(Kept("a", 2)) is Kept
    assert quick == Quick("a", 2) != Quick("a", 3)
    assert hash(quick) == hash(Quick("a", 2))
    with pytest.raises(FrozenInstanceError):
        quick.count = 3  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        del quick.count


def test_an_object_is_copied_replaced_and_pickled() -> None:
    quick = Quick("a", 2, note="b")
    assert copy.copy(quick) == pickle.loads(pickle.dumps(quick)) == replace(quick, count=2) == quick


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'kind'"):
        Quick()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="unexpected keyword argument"):
        Quick("a", colour="red")  # type: ignore[call-arg]


def test_a_class_whose_init_does_more_is_refused() -> None:
    @dataclass(frozen=True, slots=True)
    class WithFactory:
        names: list[str] = field(default_factory=list)

    @dataclass(frozen=True, slots=True)
    class WithCheck:
        name: str

        def __post_init__(self) -> None:
            assert self.name

    for refused in (WithFactory, WithCheck):
        with pytest.raises(TypeError, match="does more than to set its fields"):
            quickly_made(refused)
