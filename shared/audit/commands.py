"""The audit trail of commands, which have no token: the operator is this machine's user."""

import getpass

from shared.audit.writing import Act, Operator, write
from shared.auth.principal import is_subject
from shared.context import Runtime
from shared.ids import new_id

NOBODY = "huitou-cli"
"""The login of a command whose user has no name."""


def login() -> str:
    """Return the login of this machine's user, or NOBODY if the user has none that can be an operator's."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a container may run as a user without a name
        return NOBODY
    return name if is_subject("operator", name) else NOBODY


async def write_command(runtime: Runtime, command: str) -> None:
    """Write that this machine's user has done a command, which changed the database without the API."""
    operator = Operator(runtime.vault.conceal(login()), None, ())
    act = Act("act", command, "done", new_id("req"), (), (), None)
    async with runtime.database.begin() as tx:
        await write(tx, runtime.vault, operator, act)
