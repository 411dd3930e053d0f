"""The statements capability: what a member is shown of everything below it, in one page and one list."""

from services.loyalty.statements.api import exports, ledger, members
from services.loyalty.statements.usecases.export_ledger import EXPORT
from shared.service import Capability

CAPABILITY = Capability(
    name="statements",
    routers=(members.router, ledger.router, exports.router),
    job_kinds=(EXPORT,),
)
