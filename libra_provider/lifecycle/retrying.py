"""Repeats requests to a server that may be unavailable for a while."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from libra_provider.core.errors import ServerError
from libra_provider.core.retry import DEFAULT, Pauses, Retry
from libra_provider.core.units import readable_duration

log = logging.getLogger(__name__)
T = TypeVar("T")


def patiently(ask: Callable[[], T], *, within: float, pauses: Pauses = DEFAULT) -> T:
    """Call *ask* and return its result; retry for *within* seconds while its server is unavailable.

    *ask* must be idempotent. Any other error is raised, as is the last one.
    """
    retry = Retry(within, pauses)
    while True:
        try:
            return ask()
        except ServerError as error:
            pause = retry.pause(error)
            if pause is None:
                raise
            log.info("%s; retrying in %s", error, readable_duration(pause))
        time.sleep(pause)
