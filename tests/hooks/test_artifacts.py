"""What Libra does for jobs that others submit, through its hook, in both ways of asking."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from libra_provider.clients.libra.external_jobs import Announcement
from libra_provider.clients.libra.shipment import Shipment
from libra_provider.core.errors import BadInput, Rejected
from libra_provider.core.job import SparkJob, new_tag
from libra_provider.hooks import LibraHook
from tests.fakes.artifacts import SIGNATURE
from tests.fakes.connections import connected_libra
from tests.fakes.libra import TOKEN, FakeLibra
from tests.fakes.tls import Authority, TlsFront

Call = Callable[..., Any]


@pytest.fixture
def libra() -> Iterator[FakeLibra]:
    with connected_libra() as fake:
        yield fake


def blocking(verb: str, *args: Any, **kwargs: Any) -> Any:
    hook = LibraHook()
    try:
        return getattr(hook, verb)(*args, **kwargs)
    finally:
        hook.close()


def on_a_loop(verb: str, *args: Any, **kwargs: Any) -> Any:
    async def run() -> Any:
        hook = LibraHook()
        asked: Awaitable[Any] = getattr(hook, f"a{verb}")(*args, **kwargs)
        try:
            return await asked
        finally:
            await hook.aclose()

    return asyncio.run(run())


@pytest.fixture(params=[blocking, on_a_loop])
def call(request: pytest.FixtureRequest) -> Call:
    found: Call = request.param
    return found


def test_a_file_is_uploaded_announced_and_its_result_read(
    libra: FakeLibra, call: Call, tmp_path: Path
) -> None:
    (tmp_path / "x.py").write_text("1")
    tag = new_tag()
    artifact = call("upload", tmp_path / "x.py")
    announcement = Announcement(kind="python-file", artifacts=[artifact], returns=True)
    announced = call("announce", tag, announcement)
    again = call("announce", tag, announcement)

    assert artifact.uri == f"artifact:{artifact.sha256}/x.py"
    assert libra.store.content(announced.url(artifact)) == b"1"
    assert again == announced
    assert SIGNATURE not in repr(announced)
    assert call("returned", tag).as_dicts() == [{"n": 1}]


def test_a_tag_belongs_to_one_announcement(libra: FakeLibra, call: Call) -> None:
    tag = new_tag()
    call("announce", tag, Announcement(kind="sql", artifacts=[]))
    with pytest.raises(Rejected, match="announced with another body"):
        call("announce", tag, Announcement(kind="python", artifacts=[]))

    assert list(libra.store.announced) == [tag]


def test_a_job_is_shipped_and_its_text_says_nothing_of_the_way(
    libra: FakeLibra, call: Call, tmp_path: Path
) -> None:
    (tmp_path / "app.jar").write_text("a jar")
    job = SparkJob.from_application(str(tmp_path / "app.jar"), java_class="M")
    sent = call("ship", Shipment(job), new_tag())

    assert libra.store.content(sent.application) == b"a jar"
    assert SIGNATURE not in repr(sent)


def test_the_authority_that_the_connection_trusts_travels_with_the_job(
    libra: FakeLibra, call: Call, tmp_path: Path
) -> None:
    """The driver has to upload its result there, too."""
    authority = Authority(tmp_path / "authority")
    (tmp_path / "etl.py").write_text("1")
    with TlsFront(libra.port, authority.chain) as front:
        connection = {
            "conn_type": "libra",
            "host": "127.0.0.1",
            "schema": "https",
            "port": urlsplit(front.url).port,
            "password": TOKEN,
            "extra": {"verify": str(authority.ca)},
        }
        os.environ["AIRFLOW_CONN_LIBRA_DEFAULT"] = json.dumps(connection)
        job = SparkJob.from_application(str(tmp_path / "etl.py"))
        sent = call("ship", Shipment(job), new_tag())

    assert json.loads(sent.env_vars["LIBRA_JOB"])["ca"] == authority.ca.read_text()


def test_a_package_is_uploaded_as_py_files_alone(
    libra: FakeLibra, call: Call, tmp_path: Path
) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "__init__.py").touch()
    artifact = call("upload", tmp_path / "lib", parameter="py_files")
    with pytest.raises(BadInput, match=": only py_files accept a directory"):
        call("upload", tmp_path / "lib")

    assert list(libra.store.kept) == [f"{artifact.sha256}/lib.zip"]
