"""Libra is killed (SIGKILL) while drivers upload results and report; they retry."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

import requests

from libra_provider.cluster.ports import free_ports
from tests.server.announcing import AnnouncedJob
from tests.server.crashing import PROCESS

JOBS, CRASHES = 40, 4


class KilledLibra:
    """Libra's process, killed and started again; requests are tried until one is answered."""

    def __init__(self, folder: Path) -> None:
        (port,) = free_ports(1)
        self._url = f"http://127.0.0.1:{port}"
        self._command = [sys.executable, str(PROCESS), str(port), str(folder)]
        self._dice = random.Random(7)
        self.answers: list[tuple[str, int]] = []

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._command)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def crash_now_and_then(self, is_over: threading.Event) -> None:
        for _ in range(CRASHES):
            self.request("GET", "/livez")
            is_over.wait(self._dice.uniform(0.1, 0.6))
            self._process.kill()
            self._process.wait()
            self._process = subprocess.Popen(self._command)

    def request(self, verb: str, path: str, **how: Any) -> requests.Response:
        deadline = time.monotonic() + 300
        while True:
            try:
                reply = requests.request(verb, self._url + path, timeout=60, **how)
            except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
                assert time.monotonic() < deadline
                time.sleep(0.02)
                continue
            if reply.status_code != 503:
                self.answers.append((f"{verb} {path.split('/')[1]}", reply.status_code))
                return reply


def driver(libra: KilledLibra, number: int) -> AnnouncedJob:
    """A whole life: each step is repeated until it is answered, as the bootstrap does."""
    job = AnnouncedJob(libra, returns=True)
    steps: list[Callable[[], requests.Response]] = [
        job.started,
        lambda: job.rows(*range(number)),
        job.ended,
    ]
    for step in steps:
        assert step().ok
    return job


def test_nothing_of_a_driver_that_tries_again_is_lost_or_counted_twice(tmp_path: Path) -> None:
    over = threading.Event()
    with KilledLibra(tmp_path) as libra, ThreadPoolExecutor(9) as threads:
        crashes = threads.submit(libra.crash_now_and_then, over)
        jobs: list[AnnouncedJob] = []
        while not crashes.done() or len(jobs) < JOBS:
            first = len(jobs)
            jobs += threads.map(lambda n: driver(libra, n), range(first, first + 8))
        over.set()
        crashes.result()
        states = [job.status()["state"] for job in jobs]
        rows = [job.result(params={"limit": 10_000}).json()["rows"] for job in jobs]

    assert states == ["SUCCESS"] * len(jobs)
    assert rows == [[[n] for n in range(number)] for number in range(len(jobs))]
