"""Frozen dataclasses that are made quickly.

The `__init__` that Python writes for a frozen dataclass sets each field by a call, which takes twice as long. A batch of 500
purchases makes about 6,000 such objects. Figures, and when to take this out: docs/decisions/0043-frozen-and-quick.md.
"""

from dataclasses import MISSING, fields, make_dataclass
from functools import update_wrapper
from typing import Any, TypeVar, cast

T = TypeVar("T")

_INIT = """
def write(_become, _Unfrozen):
    def __init__(self, {parameters}):
        _own = self.__class__
        _become(self, _Unfrozen)
        {assignments}
        self.__class__ = _own
    return __init__
"""


def quickly_made(frozen: type[T]) -> type[T]:
    """Give a frozen dataclass an `__init__` that sets its fields while the object is of a class that is not frozen.

        @quickly_made
        @dataclass(frozen=True, slots=True)
        class Line: …

    Nobody sees the object before it is frozen. Raises TypeError for a class whose `__init__` does more than to set its fields.
    """
    declared = fields(cast(Any, frozen))
    makes_values = any(not field.init or field.default_factory is not MISSING for field in declared)
    if makes_values or hasattr(frozen, "__post_init__"):
        raise TypeError(f"{frozen.__name__} does more than to set its fields when it is made")
    in_order = [field.name for field in declared if not field.kw_only]
    by_name = [field.name for field in declared if field.kw_only]
    text = _INIT.format(
        parameters=", ".join([*in_order, *(["*"] if by_name else []), *by_name]),
        assignments="; ".join(f"self.{field.name} = {field.name}" for field in declared),
    )
    written: dict[str, Any] = {}
    exec(text, written)  # noqa: S102 - the names of fields, as dataclasses itself does
    unfrozen = make_dataclass(frozen.__name__, [field.name for field in declared], slots=True)
    init = written["write"](object.__dict__["__class__"].__set__, unfrozen)
    init.__defaults__, init.__kwdefaults__ = frozen.__init__.__defaults__, frozen.__init__.__kwdefaults__
    cast(Any, frozen).__init__ = update_wrapper(init, frozen.__init__)
    return frozen
