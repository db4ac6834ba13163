"""Send requests for a while, in turn or many at the same time, and record their durations."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain


@dataclass(frozen=True, slots=True)
class Answers:
    """How many seconds each answer took, and how many passed in all."""

    seconds: list[float]
    elapsed: float


def of_threads(ask: Callable[[], object], *, clients: int, duration: float) -> Answers:
    """The answers to *clients* threads that ask again and again for *duration* seconds."""
    began = time.perf_counter()

    def client(_number: int) -> list[float]:
        taken: list[float] = []
        while not taken or time.perf_counter() < began + duration:
            asked = time.perf_counter()
            ask()
            taken.append(time.perf_counter() - asked)
        return taken

    with ThreadPoolExecutor(clients) as threads:
        taken = list(chain.from_iterable(threads.map(client, range(clients))))
    return Answers(taken, time.perf_counter() - began)


async def of_tasks(
    ask: Callable[[], Awaitable[object]], *, clients: int, duration: float
) -> Answers:
    """The same for *clients* tasks of one event loop."""
    began = time.perf_counter()

    async def client() -> list[float]:
        taken: list[float] = []
        while not taken or time.perf_counter() < began + duration:
            asked = time.perf_counter()
            await ask()
            taken.append(time.perf_counter() - asked)
        return taken

    lists = await asyncio.gather(*(client() for _ in range(clients)))
    return Answers(list(chain.from_iterable(lists)), time.perf_counter() - began)
