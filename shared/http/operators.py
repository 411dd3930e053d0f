"""The names of operators in queries: `me`, or the pseudonym that answers show. A login is a person's name, and no URL has one."""

from typing import Annotated

from fastapi import Query

from shared.auth.principal import Principal
from shared.http.operation import ME

PSEUDONYM_MAX = 400
OperatorFilter = Annotated[
    str | None,
    Query(
        max_length=PSEUDONYM_MAX,
        pattern=f"^({ME}|~[A-Za-z0-9_-]+)$",
        description="Only this operator's: `me`, or an id of an operator as answers of this service show it (`~…`). A login is "
        "refused, because URLs are logged.",
        examples=["~AAFx0q2mY4v8Kq7s"],
    ),
]


def operator_asked(caller: Principal, asked: str | None) -> str | None:
    """Return the pseudonym of the operator that a filter names; None: it names none."""
    return caller.id if asked == ME else asked
