"""Files that drivers fetch: kept whole or not at all, once, and for as long as they are needed."""

from __future__ import annotations

import errno
import hashlib
import secrets
import socket
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
import requests
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from libra_provider.core.errors import BadInput
from libra_provider.core.paths import NAME
from libra_provider.core.polling import utc_now
from libra_provider.server.artifacts.upload import IncomingFile
from libra_provider.server.model.artifact import Artifact
from libra_provider.server.settings import Settings
from libra_provider.server.signed_urls import Signer, key_at
from libra_provider.server.timing import RequestTiming, ServerTiming
from tests.fakes.tls import Authority
from tests.server.conftest import MakeLibra
from tests.server.running import RunningLibra
from tests.server.test_retention import in_the_end

BYTES = b"print('flights')\n"
PATH = "/api/v1/artifacts"
TOKEN = {"Authorization": "Bearer right"}
GUARDED = {"token": "right"}
HOUR = timedelta(hours=1)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def put(api: RunningLibra, data: bytes = BYTES, name: str = "etl.py") -> requests.Response:
    # Of its own connection, so that many threads may do it at once.
    return requests.put(f"{api.url}{PATH}/{sha256(data)}/{name}", data, headers=TOKEN, timeout=60)


def head(api: RunningLibra, data: bytes = BYTES, name: str = "etl.py") -> requests.Response:
    return requests.head(f"{api.url}{PATH}/{sha256(data)}/{name}", headers=TOKEN, timeout=60)


def signed_url(api: RunningLibra, folder: Path, data: bytes = BYTES, name: str = "etl.py") -> str:
    signer = Signer(key_at(folder / "signing.key"), api.url)
    return signer.artifact_url(Artifact(sha256(data), name), expires=utc_now() + HOUR)


def stored(folder: Path) -> list[str]:
    """What is in the store, halves included."""
    store = folder / "artifacts"
    return sorted(file.name for file in store.rglob("*") if file.is_file())


def begin(api: RunningLibra, data: bytes, *lines: str, name: str = "etl.py") -> socket.socket:
    """A connection on which the upload of *data* has begun: its body is still to come."""
    first = f"PUT {PATH}/{sha256(data)}/{name} HTTP/1.1"
    given = [first, "Host: libra", "Authorization: Bearer right", *lines]
    connection = socket.create_connection(("127.0.0.1", api.port), timeout=60)
    connection.sendall("\r\n".join([*given, "", ""]).encode())
    return connection


@pytest.fixture
def api(make_libra: MakeLibra) -> Iterator[RunningLibra]:
    with make_libra(**GUARDED) as running:
        yield running


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLibra]:
    folder = tmp_path_factory.mktemp("libra")
    narrow = Settings(port=0, data_dir=folder, token="right", artifact_max_bytes=1000)
    with RunningLibra(narrow) as running:
        yield running


def test_a_file_is_kept_once_and_fetched_by_its_signed_url(
    api: RunningLibra, tmp_path: Path
) -> None:
    assert head(api).status_code == 404
    first, again, renamed = put(api), put(api), put(api, name="other name.py")
    there = head(api)
    url = signed_url(api, tmp_path)
    fetched = requests.get(url, timeout=60)

    assert [each.status_code for each in (first, again, renamed)] == [201, 200, 200]
    assert first.json() == {"sha256": sha256(BYTES), "name": "etl.py", "size": len(BYTES)}
    assert (there.status_code, there.headers["Content-Length"]) == (200, str(len(BYTES)))
    assert stored(tmp_path) == [sha256(BYTES)]
    assert (fetched.status_code, fetched.content) == (200, BYTES)
    assert fetched.headers["Content-Length"] == str(len(BYTES))
    assert fetched.headers["Content-Type"] == "application/octet-stream"
    assert requests.head(url, timeout=60).headers["Content-Length"] == str(len(BYTES))


def test_a_signed_url_is_for_one_name_of_one_file(api: RunningLibra, tmp_path: Path) -> None:
    put(api)
    url = signed_url(api, tmp_path)
    other = signed_url(api, tmp_path, b"never sent")

    assert requests.get(url.replace("etl.py", "etl.jar"), timeout=60).status_code == 403
    assert requests.get(url.replace(sha256(BYTES), sha256(b"")), timeout=60).status_code == 403
    assert requests.get(other, timeout=60).status_code == 404


@pytest.mark.parametrize(
    ("wanted", "status", "content"),
    [
        ("bytes=2-4", 206, BYTES[2:5]),
        ("bytes=2-", 206, BYTES[2:]),
        ("bytes=999-", 200, BYTES),
        ("bytes=-3", 200, BYTES),
        ("bytes=0-1,3-4", 200, BYTES),
        ("lines=1-2", 200, BYTES),
        ("bytes=٣-٤".encode(), 200, BYTES),
    ],
)
def test_a_range_is_given_or_everything(
    shared: RunningLibra, wanted: str, status: int, content: bytes
) -> None:
    put(shared)
    folder = shared.folder
    reply = requests.get(signed_url(shared, folder), headers={"Range": wanted}, timeout=60)

    assert (reply.status_code, reply.content) == (status, content)


def test_what_is_stored_cannot_be_changed_by_accident(api: RunningLibra, tmp_path: Path) -> None:
    put(api)
    file = tmp_path / "artifacts" / sha256(BYTES)

    assert stat.S_IMODE(file.stat().st_mode) == 0o400


def test_other_bytes_than_those_of_the_hash_leave_nothing(
    api: RunningLibra, tmp_path: Path
) -> None:
    reply = api.request("PUT", f"{PATH}/{sha256(b'x')}/etl.py", data=BYTES, headers=TOKEN)
    empty = api.request("PUT", f"{PATH}/{sha256(b'x')}/etl.py", data=b"", headers=TOKEN)

    assert (reply.status_code, empty.status_code) == (400, 400)
    assert sha256(BYTES) in reply.json()["detail"]
    assert head(api, b"x").status_code == 404
    assert stored(tmp_path) == []


def test_an_empty_file_is_a_file(api: RunningLibra) -> None:
    assert put(api, b"", "__init__.py").status_code == 201
    assert head(api, b"").headers["Content-Length"] == "0"


@pytest.mark.parametrize(
    "path",
    [
        *(sha256(BYTES).upper() + "/etl.py", "abc/etl.py", sha256(BYTES)[:-1] + "%C3%A9/etl.py"),
        *(f"{sha256(BYTES)}/{name}" for name in ("..", "%2e%2e", ".", "a%5Cb", "%00", "a%0Ab")),
        *(f"{sha256(BYTES)}/{name}" for name in ("a,b", "a%23b", "a%3Fb", "%20a", "a%20", "%25")),
        *(f"{sha256(BYTES)}/{name}" for name in ("x" * 201, quote("é" * 101), "%E2%80%AE.py")),
    ],
)
@pytest.mark.parametrize("verb", ["PUT", "HEAD"])
def test_a_name_or_hash_that_cannot_be_is_400(shared: RunningLibra, path: str, verb: str) -> None:
    with socket.create_connection(("127.0.0.1", shared.port), timeout=60) as raw:
        lines = [f"{verb} {PATH}/{path} HTTP/1.1", "Host: l", "Authorization: Bearer right"]
        body = ["Content-Length: 1", "", "x"] if verb == "PUT" else ["", ""]
        raw.sendall("\r\n".join([*lines, *body]).encode())
        reply = raw.recv(65536)

    assert reply.startswith(b"HTTP/1.1 400 ")
    assert b"application/problem+json" in reply


@pytest.mark.parametrize(
    "path", ["", "/etl.py", f"/{sha256(BYTES)}", "/a/../../b", "/a%2F..%2Fb/c"]
)
def test_what_is_no_path_of_an_artifact_is_404(shared: RunningLibra, path: str) -> None:
    request = requests.Request("PUT", shared.url, headers=TOKEN, data=b"x").prepare()
    request.url = f"{shared.url}{PATH}{path}"  # as it is: requests would tidy it up
    with requests.Session() as session:
        reply = session.send(request, timeout=60)

    assert (reply.status_code, reply.headers["Content-Type"]) == (404, "application/problem+json")


def test_with_a_certificate_urls_are_https(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    secure = Settings(port=0, data_dir=tmp_path, tls_certificate=authority.chain)
    with RunningLibra(secure) as api:
        url = f"{api.url}{PATH}/{sha256(BYTES)}/etl.py"
        kept = requests.put(url, BYTES, verify=str(authority.ca), timeout=60)
        signer = Signer.of(replace(secure, port=api.port))
        signed = signer.artifact_url(Artifact(sha256(BYTES), "etl.py"), expires=utc_now() + HOUR)
        fetched = requests.get(signed, verify=str(authority.ca), timeout=60)

    assert kept.status_code == 201
    assert signed.startswith("https://127.0.0.1:")
    assert fetched.content == BYTES


@given(st.from_regex(NAME, fullmatch=True))
@settings(max_examples=100)
@example("a b+c&d=e@f~g!h(i)$ü.tar.gz")
@example("...py")
def test_whatever_name_is_taken_is_fetched_under_that_name(shared: RunningLibra, name: str) -> None:
    try:
        Artifact(sha256(BYTES), name)
    except BadInput:
        assume(False)
    url = f"{shared.url}{PATH}/{sha256(BYTES)}/{quote(name, safe='')}"
    kept = requests.put(url, BYTES, headers=TOKEN, timeout=60)
    fetched = requests.get(signed_url(shared, shared.folder, name=name), timeout=60)

    assert (kept.json()["name"], fetched.content) == (name, BYTES)


def test_a_file_that_declares_too_much_is_refused_before_it_comes(shared: RunningLibra) -> None:
    with begin(shared, b"x", "Content-Length: 1000000000000") as connection:
        reply = connection.recv(65536)

    assert reply.startswith(b"HTTP/1.1 413 ")
    assert b"artifact_max_bytes" in reply


def test_a_chunked_file_is_refused_as_soon_as_it_is_too_long(shared: RunningLibra) -> None:
    with begin(shared, b"x", "Transfer-Encoding: chunked") as connection:
        connection.sendall(b"3e9\r\n" + b"x" * 1001)
        reply = connection.recv(65536)

    assert reply.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in reply
    assert stored(shared.folder / "artifacts" / "incoming") == []


def test_a_chunked_file_within_the_limit_is_kept(shared: RunningLibra) -> None:
    data = secrets.token_bytes(1000)
    url = f"{shared.url}{PATH}/{sha256(data)}/etl.py"
    parts = iter([data[:1], data[1:500], data[500:]])

    assert requests.put(url, parts, headers=TOKEN, timeout=60).status_code == 201


def test_who_sends_too_much_hears_of_it_all_the_same(shared: RunningLibra) -> None:
    refused = put(shared, bytes(10_000_000))

    assert refused.status_code == 413
    assert "put it where workers see it" in refused.json()["detail"]


def test_the_limit_of_other_bodies_is_not_that_of_files(make_libra: MakeLibra) -> None:
    with make_libra(**GUARDED, max_request_bytes=100) as api:
        assert put(api, secrets.token_bytes(10_000)).status_code == 201


def test_who_asks_whether_the_bytes_are_wanted_need_not_send_them(api: RunningLibra) -> None:
    put(api)
    with begin(api, BYTES, f"Content-Length: {len(BYTES)}", "Expect: 100-continue") as connection:
        known = connection.recv(65536)
    with begin(api, b"new", "Content-Length: 3", "Expect: 100-continue") as connection:
        unknown = connection.recv(65536)
        connection.sendall(b"new")
        after = connection.recv(65536)

    assert known.startswith(b"HTTP/1.1 200 ")
    assert b"connection: close" in known
    assert unknown.startswith(b"HTTP/1.1 100 ")
    assert after.startswith(b"HTTP/1.1 201 ")


def test_who_sends_what_is_not_wanted_hears_the_answer_all_the_same(
    make_libra: MakeLibra,
) -> None:
    """Most clients read nothing before they have sent everything, or the connection broke."""
    with make_libra(**GUARDED, artifacts_max_bytes=1000) as api:
        refused = put(api, bytes(30_000_000))

        assert refused.status_code == 507
        assert refused.headers.get("Connection") != "close"


def test_a_file_that_stops_coming_is_not_waited_for(make_libra: MakeLibra, tmp_path: Path) -> None:
    data = secrets.token_bytes(1_000_000)
    timing = ServerTiming(requests=RequestTiming(pace=0.3))
    with make_libra(**GUARDED, timing=timing) as api:
        with begin(api, data, "Content-Length: 1000000") as connection:
            connection.sendall(data[:500_000])
            reply = connection.recv(65536)

        assert reply.startswith(b"HTTP/1.1 408 ")
        assert b"connection: close" in reply
        assert in_the_end(lambda: stored(tmp_path) == [])


def test_a_file_may_take_its_time_as_long_as_it_comes(make_libra: MakeLibra) -> None:
    timing = ServerTiming(requests=RequestTiming(pace=6.0, pace_bytes=1))
    with (
        make_libra(**GUARDED, timing=timing) as api,
        begin(api, b"x" * 65, "Content-Length: 65") as connection,
    ):
        for _ in range(65):
            connection.settimeout(0.1)
            with pytest.raises(TimeoutError):
                connection.recv(1)  # nothing is said before it is here: wait a little
            connection.sendall(b"x")
        connection.settimeout(60)

        assert connection.recv(65536).startswith(b"HTTP/1.1 201 ")


def test_a_client_that_goes_away_leaves_nothing(
    api: RunningLibra, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data = secrets.token_bytes(2_000_000)
    with begin(api, data, "Content-Length: 2000000") as connection:
        connection.sendall(data[:1_000_000])
        assert in_the_end(lambda: len(stored(tmp_path)) == 1)

    assert in_the_end(lambda: stored(tmp_path) == [])
    assert head(api, data).status_code == 404
    assert put(api, data).status_code == 201
    assert not [each for each in caplog.records if each.levelname == "ERROR"]


def test_nothing_half_written_is_served(api: RunningLibra, tmp_path: Path) -> None:
    data = secrets.token_bytes(1_000_000)
    with begin(api, data, "Content-Length: 1000000") as connection:
        connection.sendall(data[:-1])
        assert in_the_end(lambda: len(stored(tmp_path)) == 1)
        before = head(api, data), requests.get(signed_url(api, tmp_path, data), timeout=60)
        connection.sendall(data[-1:])
        reply = connection.recv(65536)

    assert [each.status_code for each in before] == [404, 404]
    assert reply.startswith(b"HTTP/1.1 201 ")
    assert requests.get(signed_url(api, tmp_path, data), timeout=60).content == data


def test_of_two_uploads_of_one_file_both_succeed_and_one_stays(
    api: RunningLibra, tmp_path: Path
) -> None:
    data = secrets.token_bytes(1_000_000)
    with begin(api, data, "Content-Length: 1000000") as slow:
        slow.sendall(data[:-1])
        assert in_the_end(lambda: len(stored(tmp_path)) == 1)
        fast = put(api, data)
        slow.sendall(data[-1:])
        reply = slow.recv(65536)

    assert fast.status_code == 201
    assert reply.startswith(b"HTTP/1.1 200 ")
    assert in_the_end(lambda: stored(tmp_path) == [sha256(data)])


def test_200_uploads_at_once_of_the_same_and_different_files(
    api: RunningLibra, tmp_path: Path
) -> None:
    same = secrets.token_bytes(300_000)
    files = [same if n % 2 else n.to_bytes(4) + same for n in range(200)]
    with ThreadPoolExecutor(200) as clients:
        replies = list(clients.map(lambda data: put(api, data), files))
        fetched = list(
            clients.map(
                lambda data: requests.get(signed_url(api, tmp_path, data), timeout=60).content,
                files,
            )
        )
    of_the_same = sorted(replies[n].status_code for n in range(1, 200, 2))

    assert of_the_same == [200] * 99 + [201]
    assert {replies[n].status_code for n in range(0, 200, 2)} == {201}
    assert fetched == files
    assert stored(tmp_path) == sorted({sha256(data) for data in files})


def test_a_file_that_somebody_removed_can_be_sent_again(api: RunningLibra, tmp_path: Path) -> None:
    put(api)
    (tmp_path / "artifacts" / sha256(BYTES)).unlink()

    assert put(api).status_code == 201
    (tmp_path / "artifacts" / sha256(BYTES)).unlink()
    assert head(api).status_code == 404


def test_what_is_new_takes_the_room_of_what_was_used_least_recently(
    make_libra: MakeLibra, tmp_path: Path
) -> None:
    one, two, three = (bytes([n]) * 400 for n in range(3))
    with make_libra(
        **GUARDED, artifacts_max_bytes=1000, timing=ServerTiming(artifact_in_use=0.0)
    ) as api:
        put(api, one)
        put(api, two)
        head(api, one)
        put(api, three)

    assert stored(tmp_path) == sorted([sha256(one), sha256(three)])


@pytest.mark.parametrize("is_declared", [True, False])
def test_without_room_the_refusal_says_what_to_do(
    make_libra: MakeLibra, tmp_path: Path, is_declared: bool
) -> None:
    """Even an unused file is kept for a while: its sender is about to name it."""
    one, two = b"1" * 600, b"2" * 600
    with make_libra(**GUARDED, artifacts_max_bytes=1000) as api:
        put(api, one)
        url = f"{api.url}{PATH}/{sha256(two)}/etl.py"
        body = two if is_declared else iter([two])
        refused = requests.put(url, body, headers=TOKEN, timeout=60)
        fits = put(api, b"3" * 400)

    assert refused.status_code == 507
    assert "artifacts_max_bytes" in refused.json()["detail"]
    assert fits.status_code == 201
    assert stored(tmp_path) == sorted([sha256(one), sha256(b"3" * 400)])


def test_a_full_disk_is_told_and_leaves_nothing(
    api: RunningLibra, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(_incoming: IncomingFile, _piece: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(IncomingFile, "write", write)
        refused = put(api)
    after = stored(tmp_path)

    assert refused.status_code == 507
    assert "is full; free some space" in refused.json()["detail"]
    assert after == []
    assert put(api).status_code == 201


def test_the_metrics_say_how_much_is_kept(api: RunningLibra) -> None:
    put(api)
    put(api, b"x" * 100, "x")
    api.request("PUT", f"{PATH}/{sha256(b'y')}/y", data=b"z" * 50, headers=TOKEN)
    figures = api.get("/metrics", headers=TOKEN).text

    assert "\nlibra_artifacts 2\n" in figures
    assert f"\nlibra_artifact_bytes {100 + len(BYTES)}\n" in figures


def announce(api: RunningLibra, tag: str, *data: bytes) -> requests.Response:
    named = [{"sha256": sha256(each), "name": "etl.py"} for each in data]
    body = {"kind": "python-file", "artifacts": named}
    return api.request("PUT", f"/api/v1/jobs/{tag}", json=body, headers=TOKEN)


def test_what_an_unfinished_job_names_stays_and_then_goes_by_age(
    make_libra: MakeLibra, tmp_path: Path
) -> None:
    tag = secrets.token_hex(16)
    with make_libra(**GUARDED) as api:
        put(api)
        put(api, b"nobody's")
        assert announce(api, tag, BYTES).status_code == 201
    with make_libra(**GUARDED, artifact_seconds=0.001) as api:
        assert in_the_end(lambda: stored(tmp_path) == [sha256(BYTES)])
        assert requests.get(signed_url(api, tmp_path), timeout=60).content == BYTES
        api.delete(f"/api/v1/statements/{tag}", headers=TOKEN)
    with make_libra(**GUARDED, artifact_seconds=0.001):
        assert in_the_end(lambda: stored(tmp_path) == [])


def test_what_an_unfinished_job_names_makes_no_room_for_others(
    make_libra: MakeLibra, tmp_path: Path
) -> None:
    one, two, three = (bytes([n]) * 400 for n in range(3))
    with make_libra(
        **GUARDED, artifacts_max_bytes=1000, timing=ServerTiming(artifact_in_use=0.0)
    ) as api:
        put(api, one)
        put(api, two)
        announce(api, secrets.token_hex(16), one)
        put(api, three)

    assert stored(tmp_path) == sorted([sha256(one), sha256(three)])
