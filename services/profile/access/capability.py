"""The access capability: the API keys by which partners are known. Its table is the kernel's, because every service has a copy."""

from services.profile.access.api import api_keys, tokens
from shared.api_keys import api_key
from shared.service import Capability

CAPABILITY = Capability(
    name="access", routers=(api_keys.router, tokens.router), versions=(api_key.c.record_version,)
)
