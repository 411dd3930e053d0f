"""`huitou token`: a token of this installation, on standard output and alone."""

from typing import Annotated

import typer

from huitou import tokens
from huitou.exits import Exit, Refused
from huitou.settings import Settings
from shared.auth.principal import Role


def token(
    role: Annotated[Role | None, typer.Option(help="An operator's role.")] = None,
    customer: Annotated[
        str | None, typer.Option(help="A customer's id (cus_…): the token lives 15 minutes.")
    ] = None,
    partner: Annotated[str | None, typer.Option(help="A partner's id: the token lives a day.")] = None,
    scope: Annotated[
        list[str] | None, typer.Option(help="A scope of the partner; all of them if none is named.")
    ] = None,
) -> None:
    """Print a bearer token for an operator, a customer or a partner, and nothing else."""
    home = Settings().home
    match role, customer, partner:
        case str(), None, None:
            text = tokens.operator(home, role)
        case None, str(), None:
            if not customer.startswith("cus_"):
                raise Refused(Exit.USAGE, f"{customer} is not a customer's id: it begins with cus_.")
            text = tokens.customer(home, customer)
        case None, None, str():
            text = tokens.partner(home, partner, scope or _every_scope())
        case _:
            raise Refused(Exit.USAGE, "Name exactly one of --role, --customer and --partner.")
    typer.echo(text)


def _every_scope() -> list[str]:
    from huitou import contents  # loads all services, which the other tokens need not wait for

    operations = (operation for service in contents.services() for operation in contents.operations(service))
    return sorted(
        {operation.allow.partner_scope for operation in operations if operation.allow.partner_scope}
    )
