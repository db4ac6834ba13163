"""Bodies that are sent piece by piece, for both ways of sending, and what is packed into them."""

from __future__ import annotations

import asyncio
import os
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest

from libra_provider.clients.artifact import Artifact, packed, text
from libra_provider.clients.http.client import Client
from libra_provider.clients.http.credentials import BearerToken
from libra_provider.clients.http.dialogue import Dialogue
from libra_provider.clients.http.transport import ServerAddress
from libra_provider.clients.libra.artifacts import store
from libra_provider.clients.libra.contract import Contract
from libra_provider.core.errors import BadInput, NotOffered, Rejected, ServerBusy, ServerError
from tests.fakes.libra import TOKEN, FakeLibra, problem
from tests.fakes.old_libra import OldLibra
from tests.fakes.server import FakeServer

Send = Callable[[FakeServer, Dialogue[bool]], bool]


def client(server: FakeServer) -> Client:
    return Client([ServerAddress(url=server.url, authorization=BearerToken(TOKEN))])


def blocking(server: FakeServer, dialogue: Dialogue[bool]) -> bool:
    there = client(server)
    try:
        return there.run(dialogue)
    finally:
        there.close()


def on_a_loop(server: FakeServer, dialogue: Dialogue[bool]) -> bool:
    async def run() -> bool:
        there = client(server)
        try:
            return await there.arun(dialogue)
        finally:
            await there.aclose()

    return asyncio.run(run())


@pytest.fixture(params=[blocking, on_a_loop])
def send(request: pytest.FixtureRequest) -> Send:
    found: Send = request.param
    return found


@pytest.mark.parametrize("size", [0, 1, 3_000_000])
def test_a_file_arrives_whole_and_once(send: Send, tmp_path: Path, size: int) -> None:
    content, told = os.urandom(size), []
    (tmp_path / "a.bin").write_bytes(content)
    artifact = packed(tmp_path / "a.bin", parameter="files")
    with FakeLibra() as libra:
        first = send(libra, store(Contract(), artifact, lambda _, sent: told.append(sent)))
        again = send(libra, store(Contract(), artifact))

    [(path, kept)] = libra.store.kept.items()
    put = next(each for each in libra.requests if each.method == "PUT")
    assert (first, again) == (True, False)
    assert kept == content
    assert path == f"{artifact.sha256}/a.bin"
    assert put.headers["content-length"] == str(size)
    assert "transfer-encoding" not in put.headers
    assert told == sorted(told)
    assert max(told, default=0) == size


def test_a_file_that_changes_before_it_is_sent_is_not_sent_as_another(
    send: Send, tmp_path: Path
) -> None:
    file = tmp_path / "a.bin"
    file.write_bytes(b"x" * 1000)
    artifact = packed(file, parameter="files")
    for change in (b"short", b"longer" * 1000):
        file.write_bytes(change)
        with (
            FakeLibra() as libra,
            pytest.raises(BadInput, match="the file changed during its upload"),
        ):
            send(libra, store(Contract(), artifact))

        assert libra.store.kept == {}


@pytest.mark.parametrize(("status", "error"), [(507, Rejected), (413, Rejected), (408, ServerBusy)])
def test_a_refusal_says_whether_sending_it_again_can_help(
    send: Send, status: int, error: type[ServerError]
) -> None:
    refusal = problem(status, "The store has a reason.")
    with FakeLibra() as libra:
        libra.disturb = lambda request: refusal if request.method == "PUT" else None
        with pytest.raises(error, match="The store has a reason"):
            send(libra, store(Contract(), text("a.txt", b"a")))


def test_a_libra_that_is_busy_when_asked_for_a_file_may_be_asked_again(send: Send) -> None:
    """The answer to HEAD has no body; that is no strange answer."""
    busy = problem(503, "The ledger is away.")
    with FakeLibra() as libra:
        libra.disturb = lambda request: busy if request.method == "HEAD" else None
        with pytest.raises(ServerBusy):
            send(libra, store(Contract(), text("a.txt", b"a")))


def test_a_libra_of_the_old_contract_is_named_as_such(send: Send) -> None:
    with OldLibra() as libra, pytest.raises(NotOffered, match="this version stores no files"):
        send(libra, store(Contract(), text("a.txt", b"a")))


def zipped(package: Path) -> Artifact:
    return packed(package, parameter="py_files")


def made(folder: Path) -> Path:
    package = folder / "mylib"
    (package / "inner").mkdir(parents=True)
    for name in ("__init__.py", "b.py", "inner/__init__.py", "inner/data.json"):
        (package / name).write_text(f"# {name}")
    return package


def test_the_same_package_makes_the_same_zip_wherever_and_whenever_it_lies(tmp_path: Path) -> None:
    here, there = made(tmp_path / "here"), made(tmp_path / "there")
    os.utime(there / "b.py", (1, 1))
    (there / "b.py").chmod(0o755)
    for name in ("__pycache__/b.cpython-311.pyc", ".mypy_cache/x.json", "b.pyc", ".DS_Store"):
        (there / name).parent.mkdir(exist_ok=True)
        (there / name).write_bytes(b"somebody's own")

    names = zipfile.ZipFile(BytesIO(b"".join(zipped(there).content))).namelist()
    assert zipped(here) == zipped(there)
    assert zipped(here).name == "mylib.zip"
    assert [each for each in names if not each.endswith("/")] == [
        f"mylib/{each}" for each in ("__init__.py", "b.py", "inner/__init__.py", "inner/data.json")
    ]


@pytest.mark.parametrize(
    ("parameter", "name", "sentence"),
    [
        ("py_files", "plain", "the directory has no __init__.py"),
        ("archives", "plain", "only py_files accept a directory"),
        ("files", "missing.csv", "it cannot be read"),
    ],
)
def test_what_cannot_be_shipped_is_named_with_its_parameter(
    tmp_path: Path, parameter: str, name: str, sentence: str
) -> None:
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain" / "a.py").touch()
    with pytest.raises(BadInput, match=sentence) as raised:
        packed(tmp_path / name, parameter=parameter)

    assert raised.value.parameter == parameter
