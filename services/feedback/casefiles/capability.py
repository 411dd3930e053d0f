"""Case files: a complaint together with everything that other capabilities know about it."""

from services.feedback.casefiles.api import casefiles
from shared.service import Capability

CAPABILITY = Capability(name="casefiles", routers=(casefiles.router,))
