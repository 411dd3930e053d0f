"""The words in which a route declares who may call it."""

from shared.auth.access import OPERATORS, PUBLIC, Allow, allow, owned_by
from shared.auth.principal import Principal, Role

__all__ = ["OPERATORS", "PUBLIC", "Allow", "Principal", "Role", "allow", "owned_by"]
