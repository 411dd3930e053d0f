"""`huitou token`: a token of this installation, on standard output and alone."""

from typing import Annotated

import typer

from huitou import home as homes
from huitou import tokens
from huitou.exits import Exit, Refused
from huitou.settings import Settings
from huitou.speech import said
from shared.auth.principal import Role, is_subject
from shared.auth.signing import signing_key_path


def token(
    role: Annotated[Role | None, typer.Option(help="An operator's role.")] = None,
    name: Annotated[
        str | None,
        typer.Option(
            help="The login of the operator, such as li.lei: the audit trail names it; default console."
        ),
    ] = None,
    full_name: Annotated[
        str | None, typer.Option(help="The operator's name as people know it, for the audit trail.")
    ] = None,
    customer: Annotated[
        str | None, typer.Option(help="A customer's id (cus_…): the token lives 15 minutes.")
    ] = None,
    partner: Annotated[str | None, typer.Option(help="A partner's id: the token lives a day.")] = None,
    scope: Annotated[
        list[str] | None, typer.Option(help="A scope of the partner; all of them if none is named.")
    ] = None,
    link: Annotated[
        bool,
        typer.Option(
            "--link", help="Print the address of the page to try operations on, with the token in it."
        ),
    ] = False,
) -> None:
    """Print a bearer token for an operator, a customer or a partner, and nothing else."""
    settings = Settings()
    home = settings.home
    _check(role, customer, partner, scope or [])
    _check_names(role, name, full_name)
    if homes.read(home) is None and not signing_key_path(home).exists():
        raise homes.no_home(home)
    match role, customer, partner:
        case str(), None, None:
            text = tokens.operator(home, role, name=name or "console", full_name=full_name)
        case None, str(), None:
            text = tokens.customer(home, customer)
        case _:
            assert partner is not None, "one of the three was named"
            text = tokens.partner(home, partner, scope or _every_scope())
    typer.echo(f"{settings.address('console')}/docs#token={text}" if link else text)


def _check(role: Role | None, customer: str | None, partner: str | None, scopes: list[str]) -> None:
    if [role, customer, partner].count(None) != 2:
        raise Refused(Exit.USAGE, said("token_of_one"))
    if customer is not None and not is_subject("customer", customer):
        raise Refused(Exit.USAGE, said("customer_id_wrong", customer=customer))
    if partner is not None and not is_subject("partner", partner):
        raise Refused(Exit.USAGE, said("partner_id_wrong", partner=partner))
    if scopes and partner is None:
        raise Refused(Exit.USAGE, said("scopes_of_partners"))
    if scopes and (unknown := sorted(set(scopes) - set(every := _every_scope()))):
        raise Refused(Exit.USAGE, said("scope_unknown", scopes=unknown, known=every))


def _check_names(role: Role | None, name: str | None, full_name: str | None) -> None:
    if role is None and (name is not None or full_name is not None):
        raise Refused(Exit.USAGE, said("names_of_operators"))
    if name is not None and not is_subject("operator", name):
        raise Refused(Exit.USAGE, said("operator_name_wrong", name=name))


def _every_scope() -> list[str]:
    from huitou import registry  # loads all services, which the other tokens need not wait for

    return registry.scopes()
