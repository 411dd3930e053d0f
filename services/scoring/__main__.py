"""The command line of the service: `python -m services.scoring serve | relay | consume | all | migrate | verify`."""

import sys

from services.scoring.main import service
from services.scoring.settings import Settings
from shared.run import command

if __name__ == "__main__":
    sys.exit(command.main(lambda: service(Settings())))
