"""What can happen on a network, made to happen on a real port, for both ways of sending."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest

from libra_provider.clients.http.call import Call, Reply
from libra_provider.clients.http.client import Client
from libra_provider.clients.http.credentials import BearerToken
from libra_provider.clients.http.dialogue import Ask, Dialogue
from libra_provider.clients.http.transport import ServerAddress
from libra_provider.core.errors import (
    BadInput,
    LibraError,
    ProtocolError,
    ServerBusy,
    ServerUnreachable,
)
from tests.clients.http.conftest import Sender
from tests.fakes.server import Answer, FakeServer


@pytest.fixture
def silent() -> Iterator[ServerAddress]:
    """It accepts requests and never responds; the client does not wait for long."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield ServerAddress(url=f"http://127.0.0.1:{listener.getsockname()[1]}", read_timeout=0.3)


def client(*servers: str | ServerAddress, token: str | None = None) -> Client:
    return Client(
        [
            ServerAddress(url=each, authorization=BearerToken(token))
            if isinstance(each, str)
            else each
            for each in servers
        ]
    )


def text(method: str = "GET") -> Call[str]:
    return Call(method=method, path="/x", parse=lambda reply: reply.text)


def hello(_: object) -> Answer:
    return Answer(body="hello")


def test_a_refused_connection_never_arrived(send: Sender, closed_port: int) -> None:
    with pytest.raises(
        ServerUnreachable, match="connection refused; check host and port"
    ) as caught:
        send(client(f"http://127.0.0.1:{closed_port}"), text())

    assert not caught.value.may_have_arrived


def test_a_name_that_does_not_resolve_is_told_as_such(send: Sender) -> None:
    with pytest.raises(ServerUnreachable, match="cannot resolve the host name") as caught:
        send(client("http://libra.invalid:8990"), text())

    assert not caught.value.may_have_arrived


def test_a_request_without_an_answer_may_have_arrived(send: Sender, silent: ServerAddress) -> None:
    with pytest.raises(ServerUnreachable, match="response timed out") as caught:
        send(client(silent), text("POST"))

    assert caught.value.may_have_arrived


def test_a_connection_that_is_closed_may_have_carried_the_request(send: Sender) -> None:
    with (
        FakeServer(lambda _: Answer(hang_up=True)) as server,
        pytest.raises(ServerUnreachable, match="does not speak HTTP; check the port") as caught,
    ):
        send(client(server.url), text("POST"))

    assert caught.value.may_have_arrived


def test_https_to_a_server_without_it_names_the_schema(send: Sender) -> None:
    with FakeServer(hello) as server, pytest.raises(ServerUnreachable, match="check the schema"):
        send(client(f"https://127.0.0.1:{server.port}"), text())


def test_the_token_is_sent_and_never_shown(
    send: Sender, tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A netrc entry for the host would replace it, if requests were left to itself."""
    netrc = f"{tmp_path}/netrc"
    with open(netrc, "w", encoding="utf-8") as file:  # noqa: PTH123 - tmp_path is text here
        file.write("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", netrc)
    with FakeServer(hello) as server:
        asked = client(server.url, token="hidden")
        answer = send(asked, text())

    assert answer == "hello"
    assert server.requests[0].headers["authorization"] == "Bearer hidden"
    assert "hidden" not in repr(asked.addresses)


def test_redirects_are_not_followed(send: Sender) -> None:
    """A login page must not pass for an answer, and no token may travel to another host."""
    elsewhere = Answer(302, headers={"location": "http://127.0.0.1:1/login"})
    status: Call[str] = Call(method="GET", path="/", parse=lambda reply: str(reply.status))
    with FakeServer(lambda _: elsewhere) as server:
        assert send(client(server.url), status) == "302"


@pytest.mark.parametrize("url", ["", "127.0.0.1:8990", "spark://m:7077", "http://"])
def test_an_address_is_a_url_with_a_host(url: str) -> None:
    with pytest.raises(BadInput, match="http://host:port"):
        ServerAddress(url=url)


def test_the_next_server_is_asked_when_the_first_is_away(send: Sender, closed_port: int) -> None:
    with FakeServer(hello) as server:
        asked = client(f"http://127.0.0.1:{closed_port}", server.url)

        assert send(asked, text("POST")) == "hello"


def test_the_server_that_answered_is_asked_first_from_then_on(closed_port: int) -> None:
    with FakeServer(hello) as first, FakeServer(hello) as second:
        asked = client(f"http://127.0.0.1:{closed_port}", first.url, second.url)
        for _ in range(3):
            asked.send(text())
        asked.close()

    assert (len(first.requests), len(second.requests)) == (3, 0)


def test_what_may_have_arrived_goes_to_no_second_server(
    send: Sender, silent: ServerAddress
) -> None:
    """Two masters that both create the driver would make two of one job."""
    with FakeServer(hello) as server, pytest.raises(ServerUnreachable):
        send(client(silent, server.url), text("POST"))

    assert server.requests == []


def test_a_question_goes_to_the_next_server_even_when_it_may_have_arrived(
    send: Sender, silent: ServerAddress
) -> None:
    with FakeServer(hello) as server:
        assert send(client(silent, server.url), text()) == "hello"


def test_a_dialogue_gets_its_answers_and_its_errors_both_ways(closed_port: int) -> None:
    def dialogue() -> Dialogue[list[str]]:
        found = [(yield Ask(text()))]
        try:
            yield Ask(text(), f"http://127.0.0.1:{closed_port}")
        except LibraError as error:
            found.append(type(error).__name__)
        return found

    async def on_loop(asked: Client) -> list[str]:
        try:
            return await asked.arun(dialogue())
        finally:
            await asked.aclose()

    with FakeServer(hello) as server:
        asked = client(server.url)

        assert asked.run(dialogue()) == ["hello", "ServerUnreachable"]
        assert asyncio.run(on_loop(asked)) == ["hello", "ServerUnreachable"]
        asked.close()


def test_a_dialogue_sends_the_token_only_to_its_own_server() -> None:
    def dialogue(url: str) -> Dialogue[str]:
        answer: str = yield Ask(text(), url)
        return answer

    with FakeServer(hello) as own, FakeServer(hello) as other:
        asked = client(own.url, token="hidden")
        asked.run(dialogue(other.url))
        asked.close()

    assert "authorization" not in other.requests[0].headers


@pytest.mark.parametrize("body", [b"", b"<html>login</html>", b'{"half":', b"[1]", b"\xff\xfe"])
def test_what_is_no_json_object_is_a_protocol_error_with_its_beginning(body: bytes) -> None:
    with pytest.raises(ProtocolError) as caught:
        Reply("http://l:8990", 200, {}, body).json_object()

    assert caught.value.status == 200
    assert caught.value.start == body.decode(errors="replace")


def test_the_beginning_of_a_reply_is_short_and_without_secrets() -> None:
    page = Reply("http://l:8990", 200, {}, b"token=hidden " + b"x" * 1000)

    assert page.start.startswith("token=***")
    assert len(page.start) == 200


def busy(_: Reply) -> str:
    raise ServerBusy("http://m:6066", "this master is STANDBY", 5.0)


def standing_by(call: Call[str], standby: str) -> Call[str]:
    """*call*, to which the server at *standby* says that another one leads."""
    return replace(call, parse=lambda reply: busy(reply) if reply.server == standby else "done")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_standby_is_passed_over_also_by_what_changes_something(send: Sender, method: str) -> None:
    """It has said itself that it did nothing."""
    with FakeServer(hello) as standby, FakeServer(hello) as leader:
        call = standing_by(text(method), standby.url)

        assert send(client(standby.url, leader.url), call) == "done"


def test_when_no_server_leads_the_error_names_them_all(send: Sender, closed_port: int) -> None:
    dead = f"http://127.0.0.1:{closed_port}"
    with FakeServer(hello) as standby, pytest.raises(ServerBusy) as caught:
        send(client(dead, standby.url), standing_by(text("POST"), standby.url))

    assert caught.value.retry_after == 5
    assert f"{dead}: connection refused" in str(caught.value)
    assert "STANDBY" in str(caught.value)


def test_what_can_be_repeated_is_told_to_the_next_server_too(
    send: Sender, silent: ServerAddress
) -> None:
    """A master that hangs must not keep a kill from the one that took over."""
    kill = replace(text("POST"), idempotent=True)
    with FakeServer(hello) as leader:
        assert send(client(silent, leader.url), kill) == "hello"


@pytest.mark.parametrize(("method", "asked"), [("GET", 1), ("POST", 0)])
def test_what_is_no_answer_passes_a_question_on_and_nothing_else(
    send: Sender, method: str, asked: int
) -> None:
    """A proxy's page before a dead master; whether a POST went through it is unknown."""
    with FakeServer(hello) as proxy, FakeServer(hello) as leader:

        def parse(reply: Reply) -> str:
            if reply.server == proxy.url:
                raise reply.not_as_expected("a proxy's page")
            return "done"

        call = replace(text(method), parse=parse)
        with contextlib.suppress(ProtocolError):
            send(client(proxy.url, leader.url), call)

    assert len(leader.requests) == asked
