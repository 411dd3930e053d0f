"""The names by which a route declares its callers and learns which of them is asking."""

from shared.auth.access import OPERATORS, PUBLIC, Allow, allow
from shared.auth.principal import Principal, Role

__all__ = ["OPERATORS", "PUBLIC", "Allow", "Principal", "Role", "allow"]
