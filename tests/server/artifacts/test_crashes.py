"""Libra is killed (SIGKILL) while files are on their way to it."""

from __future__ import annotations

import hashlib
import random
import secrets
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest
import requests

from libra_provider.core.polling import utc_now
from libra_provider.server.model.artifact import Artifact
from libra_provider.server.signed_urls import Signer, key_at
from tests.server.crashing import CrashingLibra
from tests.server.test_retention import in_the_end


class Uploads:
    """A Libra in a separate process, and files for it."""

    def __init__(self, folder: Path) -> None:
        self.libra = CrashingLibra(folder, "", seed=0)
        self.url = f"http://127.0.0.1:{self.libra._port}"
        self.folder = folder

    def crash(self) -> None:
        self.libra._process.kill()
        self.libra._process.wait()

    def path(self, data: bytes) -> str:
        return f"/api/v1/artifacts/{hashlib.sha256(data).hexdigest()}/etl.py"

    def put(self, data: bytes) -> int:
        """The status of the answer; 0 if there was none."""
        try:
            return requests.put(self.url + self.path(data), data, timeout=60).status_code
        except requests.RequestException:
            return 0

    def has(self, data: bytes) -> bool:
        return requests.head(self.url + self.path(data), timeout=60).status_code == 200

    def signed_url(self, data: bytes) -> str:
        artifact = Artifact(hashlib.sha256(data).hexdigest(), "etl.py")
        signer = Signer(key_at(self.folder / "signing.key"), self.url)
        return signer.artifact_url(artifact, expires=utc_now() + timedelta(hours=1))

    def begin(self, data: bytes) -> socket.socket:
        """A connection on which all of *data* but its end was sent."""
        connection = socket.create_connection(("127.0.0.1", self.libra._port), timeout=60)
        head = f"PUT {self.path(data)} HTTP/1.1\r\nHost: l\r\nContent-Length: {len(data)}\r\n\r\n"
        connection.sendall(head.encode() + data[:-1])
        return connection

    def stored(self) -> list[Path]:
        return [each for each in (self.folder / "artifacts").iterdir() if each.is_file()]

    def halves(self) -> list[Path]:
        return list((self.folder / "artifacts" / "incoming").iterdir())


@pytest.fixture
def uploads(tmp_path: Path) -> Iterator[Uploads]:
    made = Uploads(tmp_path)
    made.libra.start()
    yield made
    made.libra.stop()


def test_a_crash_leaves_no_half_and_loses_neither_files_nor_urls(uploads: Uploads) -> None:
    whole, *halves = (secrets.token_bytes(600_000) for _ in range(11))
    status, url = uploads.put(whole), uploads.signed_url(whole)
    with ExitStack() as connections:
        for each in halves:
            connections.enter_context(uploads.begin(each))
        assert in_the_end(lambda: len(uploads.halves()) == len(halves))
        uploads.crash()
    left_behind = uploads.halves()
    uploads.libra.start()

    assert status == 201
    assert left_behind
    assert uploads.halves() == []
    assert [uploads.has(each) for each in halves] == [False] * len(halves)
    assert requests.get(url, timeout=60).content == whole
    assert [uploads.put(each) for each in (whole, *halves)] == [200] + [201] * len(halves)


def test_what_was_acknowledged_is_there_after_a_crash_and_whole(uploads: Uploads) -> None:
    common = [secrets.token_bytes(300_000) for _ in range(20)]

    def upload_until_the_crash(seed: int) -> dict[bytes, int]:
        dice, told = random.Random(seed), dict[bytes, int]()
        while True:
            new = secrets.token_bytes(dice.randint(1, 500_000))
            data = dice.choice([new, dice.choice(common)])
            if not (status := uploads.put(data)):
                return told
            told[data] = status

    with ThreadPoolExecutor(20) as clients:
        answers = clients.map(upload_until_the_crash, range(20))
        assert in_the_end(lambda: len(uploads.stored()) > 30)
        uploads.crash()
        told = [each for answer in answers for each in answer.items()]
    uploads.libra.start()

    assert {status for _, status in told} <= {200, 201}
    assert all(uploads.has(data) for data, _ in told)
    assert uploads.halves() == []
    for file in uploads.stored():
        assert hashlib.sha256(file.read_bytes()).hexdigest() == file.name
