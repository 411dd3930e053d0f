"""Follow a newly published version through all customers."""

from services.scoring.models.storage.sweeps import move_on as move_sweep_on
from services.scoring.models.storage.sweeps import unfinished as unfinished_sweep
from services.scoring.models.storage.sweeps import write as write_sweep

__all__ = ["move_sweep_on", "unfinished_sweep", "write_sweep"]
