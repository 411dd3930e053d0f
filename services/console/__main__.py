"""The command line of the console: `python -m services.console serve`."""

import sys

from services.console.main import site
from services.console.settings import Settings
from shared.run import command

if __name__ == "__main__":
    sys.exit(command.main(lambda: site(Settings())))
