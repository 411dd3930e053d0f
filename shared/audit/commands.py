"""The audit trail of commands, which have no token: the operator is this machine's user."""

import getpass

from shared.audit.writing import Act, Operator, write
from shared.auth.principal import is_subject
from shared.db import Tx
from shared.ids import new_id
from shared.vault import Vault

NOBODY = "huitou-cli"
"""The login of a command whose user has no name."""


def login() -> str:
    """Return the login of this machine's user, or NOBODY if the user has none that can be an operator's."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a container may run as a user without a name
        return NOBODY
    return name if is_subject("operator", name) else NOBODY


async def write_command(tx: Tx, vault: Vault, command: str) -> None:
    """Write that this machine's user does a command in this transaction, which changes the database without the API."""
    operator = Operator(vault.conceal(login()), None, ())
    act = Act("act", command, "done", new_id("req"), (), (), None)
    await write(tx, vault, operator, act)
