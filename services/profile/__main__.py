"""The command line of the service: `python -m services.profile serve | relay | consume | all | migrate | verify`."""

import sys

from services.profile.main import service
from services.profile.settings import Settings
from shared.run import command

if __name__ == "__main__":
    sys.exit(command.main(lambda: service(Settings())))
