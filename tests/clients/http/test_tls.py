"""Which certificates are believed, by both ways of sending alike."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from libra_provider.clients.http.client import Client
from libra_provider.clients.http.tls import verification
from libra_provider.clients.http.transport import ServerAddress
from libra_provider.clients.standalone import rest
from libra_provider.core.errors import BadInput, ServerUnreachable
from tests.fakes.spark_master import FakeMaster
from tests.fakes.tls import Authority, TlsFront

Ask = Callable[[str, bool | str], str]


def blocking(url: str, verify: bool | str) -> str:
    client = Client([ServerAddress(url=url, verify=verify)])
    try:
        return client.send(rest.ready()).spark_version
    finally:
        client.close()


def on_a_loop(url: str, verify: bool | str) -> str:
    async def run() -> str:
        client = Client([ServerAddress(url=url, verify=verify)])
        try:
            return (await client.asend(rest.ready())).spark_version
        finally:
            await client.aclose()

    return asyncio.run(run())


@pytest.fixture(params=[blocking, on_a_loop], ids=["send", "asend"])
def ask(request: pytest.FixtureRequest) -> Ask:
    found: Ask = request.param
    return found


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def master(authority: Authority) -> Iterator[str]:
    with FakeMaster() as fake, TlsFront(fake.port, authority.chain) as front:
        yield front.url


def test_the_authority_in_the_file_is_trusted(ask: Ask, master: str, authority: Authority) -> None:
    assert ask(master, str(authority.ca)) == "4.3.0"


def test_only_the_authority_in_the_file_is_trusted(ask: Ask, master: str, tmp_path: Path) -> None:
    other = Authority(tmp_path)
    with pytest.raises(
        ServerUnreachable, match=r"the server's certificate is not trusted .* set verify"
    ):
        ask(master, str(other.ca))


def test_an_authority_that_the_system_does_not_know_is_not_trusted(ask: Ask, master: str) -> None:
    with pytest.raises(
        ServerUnreachable, match="the server's certificate is not trusted"
    ) as caught:
        ask(master, True)

    assert not caught.value.may_have_arrived


def test_the_systems_authorities_are_trusted(ask: Ask, master: str, authority: Authority) -> None:
    """SSL_CERT_FILE names others for OpenSSL; requests alone would ignore it."""
    os.environ["SSL_CERT_FILE"] = str(authority.ca)

    assert ask(master, True) == "4.3.0"


def test_what_requests_is_told_by_the_environment_does_not_widen_the_trust(
    ask: Ask, master: str, authority: Authority
) -> None:
    os.environ["REQUESTS_CA_BUNDLE"] = str(authority.ca)
    with pytest.raises(ServerUnreachable, match="not trusted"):
        ask(master, True)


def test_another_name_than_the_certificates_is_not_trusted(
    ask: Ask, master: str, authority: Authority
) -> None:
    with pytest.raises(ServerUnreachable, match="not trusted"):
        ask(master.replace("127.0.0.1", "localhost"), str(authority.ca))


def test_nothing_is_verified_by_choice(ask: Ask, master: str) -> None:
    assert ask(master, False) == "4.3.0"


def test_a_file_that_is_not_there_is_bad_input() -> None:
    with pytest.raises(BadInput, match=r"Invalid verify=./nowhere/ca\.pem."):
        ServerAddress(url="https://m:6066", verify="/nowhere/ca.pem")


def test_a_file_without_certificates_is_bad_input(ask: Ask, master: str, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    with pytest.raises(BadInput, match="cannot read CA certificates"):
        ask(master, str(tmp_path / "ca.pem"))


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (True, True),
        ("True", True),
        ("", True),
        (None, True),
        ("false", False),
        (False, False),
        (" /etc/ca.pem ", "/etc/ca.pem"),
    ],
)
def test_verify_is_read_from_json_forms_and_options(said: object, meant: bool | str) -> None:
    assert verification(said) is meant or verification(said) == meant
