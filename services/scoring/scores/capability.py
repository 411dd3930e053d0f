"""The scores: what can be computed about one customer as of any moment; nothing of it is stored."""

from services.scoring.scores import api
from shared.service import Capability

CAPABILITY = Capability(name="scores", routers=(api.router,))
