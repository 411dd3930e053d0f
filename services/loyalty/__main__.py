"""The command line of the service: `python -m services.loyalty serve | relay | consume | all | migrate | verify`."""

import sys

from services.loyalty.main import service
from services.loyalty.settings import Settings
from shared.run import command

if __name__ == "__main__":
    sys.exit(command.main(lambda: service(Settings())))
