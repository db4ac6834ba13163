"""Ask a server that may be away for a while."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from libra_provider.core.errors import ServerError
from libra_provider.core.units import readable_duration

log = logging.getLogger(__name__)
T = TypeVar("T")
_SOONEST, _LATEST = 1.0, 15.0  # seconds between two questions


def patiently(ask: Callable[[], T], *, within: float) -> T:
    """The answer to *ask*, which is asked again for *within* seconds while its server is away.

    It must be harmless to repeat. Raises what it raises otherwise, and at the end.
    """
    deadline, pause = time.monotonic() + within, _SOONEST
    while True:
        try:
            return ask()
        except ServerError as error:
            pause = max(pause, error.retry_after)
            if not error.retryable or time.monotonic() + pause > deadline:
                raise
            log.info("%s; asking again in %s", error, readable_duration(pause))
        time.sleep(pause)
        pause = min(2 * pause, _LATEST)
