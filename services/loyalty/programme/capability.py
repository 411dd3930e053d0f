"""The programme capability: what the members are promised, changed version by version."""

from services.loyalty.programme.api import differences, drafts, programme, versions
from services.loyalty.programme.storage.tables import metadata
from shared.service import Capability

CAPABILITY = Capability(
    name="programme",
    routers=(programme.router, versions.router, differences.router, drafts.router),
    tables=(metadata,),
)
