"""The command line of the service: `python -m services.feedback serve | relay | consume | all | migrate | verify`."""

import sys

from services.feedback.main import service
from services.feedback.settings import Settings
from shared.run import command

if __name__ == "__main__":
    sys.exit(command.main(lambda: service(Settings())))
