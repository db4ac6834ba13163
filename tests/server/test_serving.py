from __future__ import annotations

import asyncio
import fcntl
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from libra_provider.clients.http.client import Client
from libra_provider.clients.http.credentials import BearerToken
from libra_provider.clients.http.transport import ServerAddress
from libra_provider.clients.libra import server
from libra_provider.core.errors import BadInput, ServerUnreachable
from libra_provider.server import Settings, serve
from libra_provider.server.timing import RequestTiming, ServerTiming
from tests.fakes.tls import Authority
from tests.server.conftest import MakeLibra
from tests.server.running import RunningLibra


def test_a_fresh_process_imports_the_function() -> None:
    """A module of the same name would take its place, and ``libra serve`` would not start."""
    program = "from libra_provider.server import Settings, serve; print(callable(serve))"
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )

    assert ended.stdout == "True\n", ended.stderr


def blocking(address: ServerAddress) -> str:
    client = Client([address])
    try:
        return client.send(server.health()).service
    finally:
        client.close()


def on_a_loop(address: ServerAddress) -> str:
    async def run() -> str:
        client = Client([address])
        try:
            return (await client.asend(server.health())).service
        finally:
            await client.aclose()

    return asyncio.run(run())


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def secure(
    authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningLibra]:
    folder, chain = tmp_path_factory.mktemp("libra"), authority.chain
    settings = Settings(port=0, data_dir=folder, tls_certificate=chain, token="right")
    with RunningLibra(settings) as running:
        yield running


def test_second_start_on_a_taken_port_fails_with_the_port_in_the_message(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(BadInput, match=rf"127\.0\.0\.1:{port} \(address already in use\)"):
            serve(Settings(port=port, data_dir=tmp_path))


def test_a_folder_of_another_libra_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        with pytest.raises(BadInput, match="another Libra"):
            serve(Settings(port=0, data_dir=tmp_path))


@pytest.mark.parametrize("ask", [blocking, on_a_loop])
def test_our_client_trusts_a_libra_whose_authority_it_knows(
    secure: RunningLibra, authority: Authority, ask: Callable[[ServerAddress], str]
) -> None:
    token = BearerToken("right")
    known = ServerAddress(url=secure.url, verify=str(authority.ca), authorization=token)
    unknown = ServerAddress(url=secure.url, authorization=token)

    assert secure.url.startswith("https:")
    assert ask(known) == "whereq-libra"
    with pytest.raises(ServerUnreachable, match="certificate"):
        ask(unknown)


def test_a_client_that_keeps_its_connection_does_not_keep_libra_from_stopping(
    authority: Authority, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Over TLS, a connection that is closed politely waits for what the client says to it."""
    settings = Settings(port=0, data_dir=tmp_path, tls_certificate=authority.chain)
    with requests.Session() as idle:
        with RunningLibra(settings) as running:
            reply = idle.get(f"{running.url}/livez", verify=str(authority.ca), timeout=60)

        assert reply.status_code == 200
        assert "graceful shutdown exceeded" not in caplog.text


def test_a_libra_with_a_certificate_answers_nothing_in_clear(secure: RunningLibra) -> None:
    with socket.create_connection(("127.0.0.1", secure.port), timeout=30) as plain:
        plain.sendall(b"GET /livez HTTP/1.1\r\nHost: libra\r\n\r\n")

        assert b"HTTP" not in plain.recv(65536)


def test_tls_is_not_older_than_1_2(secure: RunningLibra, authority: Authority) -> None:
    context = ssl.create_default_context(cafile=str(authority.ca))
    with (
        socket.create_connection(("127.0.0.1", secure.port), timeout=30) as raw,
        context.wrap_socket(raw, server_hostname="127.0.0.1") as encrypted,
    ):
        assert encrypted.version() in ("TLSv1.2", "TLSv1.3")


@pytest.mark.parametrize("start", [b"", b"GET /livez HTTP/1.1\r\nHost: libra\r\n"])
def test_a_request_that_never_begins_or_goes_on_is_not_waited_for(
    make_libra: MakeLibra, start: bytes
) -> None:
    with (
        make_libra(timing=ServerTiming(requests=RequestTiming(head=0.2))) as api,
        socket.create_connection(("127.0.0.1", api.port), timeout=30) as slow,
    ):
        slow.sendall(start)

        assert slow.recv(65536) == b""


def test_a_second_request_that_does_not_go_on_is_not_waited_for_either(
    make_libra: MakeLibra,
) -> None:
    request = b"GET /livez HTTP/1.1\r\nHost: libra\r\n\r\n"
    with (
        make_libra(timing=ServerTiming(requests=RequestTiming(head=1.5))) as api,
        socket.create_connection(("127.0.0.1", api.port), timeout=30) as slow,
    ):
        slow.sendall(request)
        first = slow.recv(65536)
        slow.sendall(request[:-2])

        assert first.startswith(b"HTTP/1.1 200 ")
        assert slow.recv(65536) == b""


def test_a_request_without_end_is_not_read_on(api: RunningLibra) -> None:
    line = b"X-Header: " + b"x" * 1000 + b"\r\n"
    with socket.create_connection(("127.0.0.1", api.port), timeout=30) as endless:
        endless.sendall(b"GET /livez HTTP/1.1\r\n")
        with pytest.raises(ConnectionError):  # noqa: PT012  # whichever line it is that breaks it
            for _ in range(100_000):
                endless.sendall(line)


def test_a_wait_is_longer_than_a_head_may_take(make_libra: MakeLibra) -> None:
    with make_libra(timing=ServerTiming(requests=RequestTiming(head=1.5))) as api:
        reply = api.post(
            "/api/v1/sessions/default/statements",
            json={"code": "hang"},
            headers={"Prefer": "wait=3"},
        )

        assert reply.status_code == 202


def test_what_is_no_http_is_told_so_with_a_problem(api: RunningLibra) -> None:
    with socket.create_connection(("127.0.0.1", api.port), timeout=30) as confused:
        confused.sendall(b"\x16\x03\x01 hello\r\n\r\n")
        answer = confused.recv(65536)

        assert answer.startswith(b"HTTP/1.1 400 ")
        assert b"application/problem+json" in answer
        assert confused.recv(65536) == b""
