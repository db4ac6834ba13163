from __future__ import annotations

import asyncio
import base64
import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libra_provider.clients.http import credentials
from libra_provider.clients.http.client import Client
from libra_provider.clients.http.credentials import BearerToken, JwsSecret, jws
from libra_provider.clients.http.transport import ServerAddress
from libra_provider.clients.standalone import rest as spark_master
from libra_provider.clients.standalone.preflight import greet_master
from libra_provider.core.errors import AccessDenied, BadInput
from libra_provider.hooks import SparkMasterHook
from libra_provider.operators import SparkClusterJobOperator
from tests.fakes.server import Answer
from tests.fakes.spark_master import FakeDriver, FakeMaster
from tests.fakes.task_runner import TaskRunner

Capture = pytest.CaptureFixture[str]

KEY = bytes(range(200, 232))
SECRET = base64.urlsafe_b64encode(KEY).rstrip(b"=").decode()


def claims_of(header: str | None, key: bytes = KEY) -> dict[str, int]:
    """What an independent implementation reads in the signature."""
    word, _, token = str(header).partition(" ")
    assert word == "Bearer"
    found: dict[str, int] = jwt.decode(token, key, algorithms=["HS256"])
    return found


@given(key=st.binary(min_size=32, max_size=80), padded=st.booleans())
def test_every_key_of_32_bytes_signs_what_others_can_verify(key: bytes, padded: bool) -> None:
    secret = base64.urlsafe_b64encode(key).decode()
    claims = claims_of(JwsSecret(secret if padded else secret.rstrip("="))(), key)

    assert claims["exp"] - claims["iat"] == 600


@pytest.mark.parametrize(
    "secret", ["short", "no base64url at all!" * 4, SECRET[:-2], SECRET + " ", "ü" * 43, "A" * 45]
)
def test_a_secret_that_can_be_no_key_is_refused_without_being_shown(secret: str) -> None:
    with pytest.raises(BadInput, match="expected at least 32 bytes in base64url") as caught:
        JwsSecret(secret)

    assert secret not in str(caught.value)
    assert secret not in repr(caught.value)


def test_no_secret_is_no_authorization() -> None:
    assert jws(None)() is None
    assert jws("")() is None


def test_a_secret_never_shows() -> None:
    address = ServerAddress(url="http://m:6066", authorization=JwsSecret(SECRET))

    assert SECRET not in repr(address)
    assert "hidden" not in repr(BearerToken("hidden"))


@pytest.fixture
def master() -> Iterator[FakeMaster]:
    with FakeMaster() as fake:
        yield fake


def connected(master: FakeMaster, password: str | None = SECRET) -> SparkMasterHook:
    os.environ["AIRFLOW_CONN_SPARK_MASTER_DEFAULT"] = json.dumps(
        {
            "conn_type": "spark_master",
            "host": "127.0.0.1",
            "password": password,
            "extra": {"rest_urls": master.url, "ui_urls": master.url},
        }
    )
    return SparkMasterHook()


def test_each_question_to_the_master_is_signed_and_none_to_a_page(master: FakeMaster) -> None:
    """Even where REST port and page share an address: a secret belongs to one of them."""
    hook = connected(master)
    hook.greet()
    master.drivers["driver-1"] = FakeDriver({}, ["RUNNING"])
    hook.look(hook.view("driver-1"))
    hook.status("driver-1")
    hook.kill("driver-1")
    hook.close()
    rest = [each for each in master.requests if each.path.startswith("/v1/")]
    pages = [each for each in master.requests if not each.path.startswith("/v1/")]

    assert {each.path.split("/")[3] for each in rest} == {"readyz", "status", "kill"}
    assert all(claims_of(each.headers["authorization"]) for each in rest)
    assert pages
    assert not any("authorization" in each.headers for each in pages)


def test_a_password_that_is_no_key_ends_before_anything_is_sent(master: FakeMaster) -> None:
    with pytest.raises(BadInput, match=r"Invalid password='\*\*\*'"):
        connected(master, "a password").greet()

    assert master.requests == []


def test_a_task_leaves_its_secret_nowhere(
    master: FakeMaster, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: Capture
) -> None:
    (tmp_path / "etl.py").write_text("")
    connected(master)
    runner = TaskRunner()
    task = SparkClusterJobOperator(
        task_id="etl", application=f"local:{tmp_path}/etl.py", poll_interval=0.01
    )
    with caplog.at_level(logging.DEBUG):
        result = runner.run(task)

    assert result.state == "success"
    everything = (runner.xcoms, runner.store, runner.states, caplog.text, capfd.readouterr())
    tokens = [each.headers.get("authorization", SECRET) for each in master.requests]
    assert not any(each in repr(everything) for each in (SECRET, *tokens))


# As org.apache.spark.ui.JWSFilter of Spark 4.3 answers.
PAGE = "<html><title>Error 403 %s</title><h2>HTTP ERROR 403 %s</h2></html>"


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("Authorization header is missing.", "it requires signed requests: set the connection's"),
        ("JWT Validate Fail", "is not the master's JWS secret key, .*secretKey, or the clocks"),
        ("Forbidden", "or check what a proxy in front of it requires"),
    ],
)
def test_a_refusal_says_which_setting_is_wrong(
    master: FakeMaster, said: str, sentence: str
) -> None:
    master.disturb = lambda _: Answer(403, PAGE % (said, said))
    with pytest.raises(AccessDenied, match=sentence) as caught:
        connected(master).greet()

    assert SECRET not in str(caught.value)


@pytest.fixture
def through_a_proxy(master: FakeMaster) -> Iterator[str]:
    """A master elsewhere: its name is known to the proxy alone, which is the fake."""
    os.environ["http_proxy"] = master.url
    credentials._warned.clear()
    yield "http://master.example.invalid:6066"
    credentials._warned.clear()


def test_a_master_that_is_open_to_everybody_is_warned_about_once(
    through_a_proxy: str, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        client = Client([ServerAddress(url=through_a_proxy)])
        greet_master(client)
        client.close()

    assert [each.levelno for each in caplog.records] == [logging.WARNING]
    assert "master.example.invalid:6066 accepts submissions without auth" in caplog.text


def test_a_signed_request_is_not_warned_about(
    through_a_proxy: str, caplog: pytest.LogCaptureFixture
) -> None:
    client = Client([ServerAddress(url=through_a_proxy, authorization=JwsSecret(SECRET))])
    greet_master(client)
    client.close()

    assert not caplog.records


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_master_on_this_machine_is_not_warned_about(
    master: FakeMaster, host: str, caplog: pytest.LogCaptureFixture
) -> None:
    client = Client([ServerAddress(url=f"http://{host}:{master.port}")])
    greet_master(client)
    client.close()

    assert not caplog.records


def test_both_ways_of_sending_use_the_proxy_of_the_environment(through_a_proxy: str) -> None:
    """A task that defers moves from one to the other."""

    async def ask() -> str:
        client = Client([ServerAddress(url=through_a_proxy)])
        try:
            return (await client.asend(spark_master.ready())).spark_version
        finally:
            await client.aclose()

    assert asyncio.run(ask()) == "4.3.0"
