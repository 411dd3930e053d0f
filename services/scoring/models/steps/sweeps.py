"""Follow a newly published version through all customers."""

from services.scoring.models.storage.sweeps import unfinished as unfinished_sweep
from services.scoring.models.storage.sweeps import write as write_sweep

__all__ = ["unfinished_sweep", "write_sweep"]
