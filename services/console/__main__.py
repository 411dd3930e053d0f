"""python -m services.console serve."""

import signal
import sys

import uvicorn
from pydantic import ValidationError

from services.console.main import create_app
from services.console.settings import Settings
from shared.settings import in_words

DRAIN_SECONDS_MAX = 20
EXIT_REFUSED = 3
"""As the services end that cannot go on."""


def main() -> int:
    """Serve the page until it is told to stop."""
    if sys.argv[1:] != ["serve"]:
        print("python -m services.console serve", file=sys.stderr)
        return 2
    try:
        settings = Settings()
    except ValidationError as error:
        print(in_words(error), file=sys.stderr)
        return EXIT_REFUSED
    # uvicorn drains, then raises the signal once more for whoever stands behind it: that is nobody.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    uvicorn.run(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        log_level="warning",
        timeout_graceful_shutdown=DRAIN_SECONDS_MAX,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
