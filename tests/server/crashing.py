"""A Libra that is killed at random moments, and clients that keep its responses."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import requests

from libra_provider.cluster.ports import free_ports

PROCESS = Path(__file__).with_name("libra_process.py")
ENDED = {"SUCCESS", "FAILED", "CANCELLED", "LOST"}
CODES = ("rows 0", "rows 1", "rows 7", "fail", "nap 0.02", "nap 0.2", "nap 0.5")
CLIENTS = 6


class CrashingLibra:
    """``answers`` holds the last response about each statement that Libra has accepted."""

    def __init__(self, data_dir: Path, ledger_url: str, seed: int) -> None:
        self._data_dir = data_dir
        self._ledger_url = ledger_url
        self._random = random.Random(seed)
        self._port = free_ports(1)[0]
        self._url = f"http://127.0.0.1:{self._port}/api/v1"
        self.answers: dict[str, dict[str, Any]] = {}
        self.codes: dict[str, str] = {}
        self.changed: list[str] = []

    def start(self) -> None:
        """Start it; on return its driver takes statements."""
        command = [sys.executable, str(PROCESS), str(self._port), str(self._data_dir)]
        self._process = subprocess.Popen([*command, self._ledger_url])
        while True:
            assert self._process.poll() is None
            try:
                ready = requests.get(f"http://127.0.0.1:{self._port}/readyz", timeout=60)
            except requests.ConnectionError:
                time.sleep(0.05)
                continue
            if ready.status_code == 200:
                return
            time.sleep(0.05)

    def stop(self) -> None:
        """End it politely."""
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(300)

    def crash_under_load(self) -> None:
        """Let many clients submit and ask, and kill it somewhere in between."""
        over = threading.Event()
        seeds = [self._random.random() for _ in range(CLIENTS)]
        with ThreadPoolExecutor(CLIENTS) as clients:
            for seed in seeds:
                clients.submit(self._client, random.Random(seed), over)
            enough = len(self.answers) + self._random.randint(20, 120)
            while len(self.answers) < enough:
                time.sleep(0.01)
            time.sleep(self._random.uniform(0, 0.05))
            self._process.kill()
            self._process.wait()
            over.set()

    def _client(self, dice: random.Random, over: threading.Event) -> None:
        with requests.Session() as session:
            while not over.is_set():
                try:
                    self._submit(session, dice)
                    for job_id in dice.sample(sorted(self.answers), min(2, len(self.answers))):
                        self._note(session.get(f"{self._url}/statements/{job_id}", timeout=60))
                except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
                    return  # it was killed; what it had not answered, it need not know

    def _submit(self, session: requests.Session, dice: random.Random) -> None:
        code = dice.choice(CODES)
        reply = session.post(
            f"{self._url}/sessions/default/statements",
            json={"code": code},
            headers={
                "Prefer": dice.choice(["respond-async", "respond-async", "respond-async", "wait=1"])
            },
            timeout=60,
        )
        if reply.ok:
            self.codes[reply.json()["jobId"]] = code
            self._note(reply)

    def _note(self, reply: requests.Response) -> None:
        answer = reply.json()
        if not reply.ok:
            self.changed.append(f"{reply.url}: {answer}")
            return
        before = self.answers.get(answer["jobId"])
        if before and before["state"] in ENDED and before != answer:
            # Answers overtake each other, but what has ended stays as it is.
            self.changed.append(f"{before} became {answer}")
        if before is None or before["state"] not in ENDED:
            self.answers[answer["jobId"]] = answer

    def settle(self) -> None:
        """Poll every statement until it has ended."""
        with requests.Session() as session:
            for job_id in list(self.answers):
                headers = {"Prefer": "wait=300"}
                where = f"{self._url}/statements/{job_id}"
                self._note(session.get(where, headers=headers, timeout=360))

    def rows(self, job_id: str) -> int:
        """How many rows the statement's result really has."""
        reply = requests.get(f"{self._url}/statements/{job_id}/result", timeout=60)
        assert reply.ok, reply.text
        rows: Sequence[Any] = reply.json()["rows"]
        return len(rows)
