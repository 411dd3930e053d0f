"""When has everything arrived? When no outbox holds a row and no consumer lags, as the services' metrics say."""

import time
from collections.abc import Callable

from huitou.exits import Exit, Refused
from huitou.running import Product
from huitou.settings import SERVICES

WAIT_SECONDS_MAX = 900.0
POLL_SECONDS = 0.25
QUIET_POLLS = 2
"""How often in a row nothing may be on its way: an effect of the last event may publish another."""

BACKLOG = ("huitou_outbox_pending", "huitou_consumer_lag_records")


def backlog(product: Product) -> int:
    """Events that are on their way between the services now."""
    return sum(_backlog_of(product.ask(service, "GET", "/metrics").text) for service in SERVICES)


def wait(product: Product, tell: Callable[[int], None], stopping: Callable[[], bool] = lambda: False) -> None:
    """Return when nothing is on its way any more, telling how much still is. Raises Refused after WAIT_SECONDS_MAX."""
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    quiet = 0
    while quiet < QUIET_POLLS and not stopping():
        left = backlog(product)
        tell(left)
        quiet = quiet + 1 if left == 0 else 0
        if time.monotonic() > deadline:
            raise Refused(
                Exit.FAILED, f"{left} events are still on their way; `/health/issues` says what is wrong."
            )
        time.sleep(POLL_SECONDS)


def _backlog_of(text: str) -> int:
    lines = (line for line in text.splitlines() if line.startswith(BACKLOG))
    return sum(int(float(line.rsplit(" ", 1)[1])) for line in lines)
