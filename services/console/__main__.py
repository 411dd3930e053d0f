"""python -m services.console serve."""

import asyncio
import sys

from pydantic import ValidationError

from services.console.main import create_app
from services.console.settings import Settings
from shared.run.command import EXIT_REFUSED, EXIT_USAGE, stop_on_signals
from shared.run.serving import PortTaken, listen, serve
from shared.settings import in_words


def main() -> int:
    """Serve the page until it is told to stop."""
    if sys.argv[1:] != ["serve"]:
        print("python -m services.console serve", file=sys.stderr)
        return EXIT_USAGE
    try:
        asyncio.run(_serve(Settings()))
    except ValidationError as error:
        print(in_words(error), file=sys.stderr)
        return EXIT_REFUSED
    except PortTaken as error:
        print(error, file=sys.stderr)
        return EXIT_REFUSED
    return 0


async def _serve(settings: Settings) -> None:
    listener = listen(settings.host, settings.port)
    await serve(create_app(settings), listener, stop_on_signals(), grace_seconds=settings.drain_seconds)


if __name__ == "__main__":
    sys.exit(main())
