"""python -m services.profile serve | relay | consume | all | migrate | verify."""

import sys

from services.profile.main import service
from shared.run.command import main

if __name__ == "__main__":
    sys.exit(main(service))
