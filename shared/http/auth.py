"""What a route says and knows about who is asking."""

from shared.auth.access import OPERATORS, PUBLIC, Allow, allow, owned_by
from shared.auth.principal import Principal, Role

__all__ = ["OPERATORS", "PUBLIC", "Allow", "Principal", "Role", "allow", "owned_by"]
