from __future__ import annotations

import logging
import os
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from libra_provider.core.errors import BadInput
from libra_provider.core.polling import utc_now
from libra_provider.server.errors import NotPermitted
from libra_provider.server.settings import Settings
from libra_provider.server.signed_urls import Purpose, SignedPath, Signer, key_at
from tests.server.running import RunningLibra

KEY = bytes(range(32))
LATER, EARLIER = (datetime(year, 1, 1, tzinfo=UTC) for year in (2090, 2020))
SUBJECT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)
SIGNER = Signer(KEY, "http://libra:8990")


def signed(subject: str, purpose: Purpose = Purpose.ARTIFACT, *, expires: datetime = LATER) -> str:
    """The path of a URL, as the server sees it."""
    url = SIGNER.url(purpose, subject, expires=expires)
    return unquote(url.removeprefix("http://libra:8990"))


def is_permitted(path: str) -> bool:
    parts = SignedPath.of(path)
    assert parts, path
    try:
        SIGNER.check(parts)
    except NotPermitted:
        return False
    return True


@given(SUBJECT, st.sampled_from(Purpose))
def test_what_was_signed_is_permitted_until_it_expires(subject: str, purpose: Purpose) -> None:
    assert is_permitted(signed(subject, purpose))
    assert not is_permitted(signed(subject, purpose, expires=EARLIER))


@given(SUBJECT, st.data())
def test_no_changed_character_is_permitted(subject: str, data: st.DataObject) -> None:
    path = signed(subject)
    start = len("/artifacts/")
    at = data.draw(st.integers(start, len(path) - 1))
    other = data.draw(st.characters(exclude_categories=["Cs"], exclude_characters=path[at]))
    cut = data.draw(st.integers(start, len(path) - 1))

    assert not is_permitted(path[:at] + other + path[at + 1 :])
    assert not is_permitted(path[:at] + other + path[at:])
    assert not is_permitted(path[:cut])


@given(SUBJECT, st.permutations(list(Purpose)))
def test_a_signature_is_good_for_one_purpose_only(subject: str, purposes: list[Purpose]) -> None:
    path = signed(subject, purposes[0])

    assert not is_permitted(path.replace(f"/{purposes[0]}/", f"/{purposes[1]}/", 1))


@given(st.from_regex(r"[0-9]{1,12}\.[0-9a-f]{64}", fullmatch=True), SUBJECT)
def test_no_guess_is_permitted(signature: str, subject: str) -> None:
    assert not is_permitted(f"/artifacts/{signature}/{subject}")


@pytest.mark.parametrize("signature", ["", ".", "1.", "x.y", f"{2**80}.{'0' * 64}", "***", "٣.٣"])
def test_what_is_no_signature_is_not_permitted(signature: str) -> None:
    assert not is_permitted(f"/artifacts/{signature}/a")


def test_another_key_permits_nothing() -> None:
    path = SignedPath.of(signed("a"))
    assert path

    with pytest.raises(NotPermitted, match=r"/artifacts/\*\*\*/a is invalid"):
        Signer(bytes(32), "http://libra").check(path)


def test_an_expired_path_says_since_when_and_what_to_do() -> None:
    path = SignedPath.of(signed("a", expires=EARLIER))
    assert path

    with pytest.raises(NotPermitted, match=r"/\*\*\*/a expired at 20.*a new URL"):
        SIGNER.check(path)


def test_a_key_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "data" / "signing.key"
    with ThreadPoolExecutor(20) as pool:
        keys = list(pool.map(lambda _: key_at(path), range(200)))

    assert len(keys[0]) == 32
    assert set(keys) == {key_at(path)}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(path.parent) == ["signing.key"]  # noqa: PTH208  # names only


def test_half_a_key_is_refused_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "signing.key").write_bytes(KEY[:16])

    with pytest.raises(BadInput, match="remove it, and Libra creates a new one"):
        key_at(tmp_path / "signing.key")


def test_nothing_of_the_key_shows() -> None:
    assert repr(SIGNER) == "Signer(***, 'http://libra:8990')"


@pytest.mark.parametrize(
    ("given_settings", "base"),
    [
        ({"port": 1}, "http://127.0.0.1:1"),
        ({"port": 1, "host": "::1"}, "http://[::1]:1"),
        ({"public_url": "https://libra.example.com/api/"}, "https://libra.example.com/api"),
    ],
    ids=str,
)
def test_urls_lead_to_where_drivers_reach_libra(
    given_settings: dict[str, object], base: str, tmp_path: Path
) -> None:
    settings = Settings.load(data_dir=tmp_path, **given_settings)
    url = Signer.of(settings).url(Purpose.RESULT, "7a", expires=utc_now())

    assert url.startswith(base + "/results/")


@pytest.mark.parametrize("url", ["libra:8990", "ftp://h", "http://u:s3cr3t@h", "http://h/?a=b"])
def test_a_public_url_that_drivers_cannot_use_is_refused(url: str) -> None:
    with pytest.raises(BadInput, match="public_url") as refused:
        Settings(public_url=url)

    assert "s3cr3t" not in str(refused.value)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLibra]:
    folder = tmp_path_factory.mktemp("libra")
    with RunningLibra(Settings(port=0, data_dir=folder, token="right")) as running:
        yield running


@pytest.mark.parametrize("purpose", Purpose)
def test_a_signed_path_is_refused_by_its_signature_not_by_the_token(
    guarded: RunningLibra, purpose: Purpose
) -> None:
    with_token = {"Authorization": "Bearer right"}
    for headers in ({}, with_token):
        path = f"/{purpose}/1.{'0' * 64}/a"
        reply = guarded.request(purpose.methods[0], path, headers=headers)

        assert reply.status_code == 403
        assert reply.headers["Content-Type"] == "application/problem+json"
        assert f"/{purpose}/***/a" in reply.json()["detail"]


def test_what_no_signature_permits_is_no_method_of_the_path(guarded: RunningLibra) -> None:
    reply = guarded.post(f"/artifacts/1.{'0' * 64}/a")

    assert (reply.status_code, reply.headers["Allow"]) == (405, "GET, HEAD")
    assert "POST /artifacts/***/a" in reply.json()["detail"]


def test_the_key_survives_a_restart(tmp_path: Path) -> None:
    settings = Settings(port=0, data_dir=tmp_path)
    urls = []
    for _ in range(2):
        with RunningLibra(settings):
            urls.append(Signer.of(settings).url(Purpose.REPORT, "7a", expires=LATER))

    assert urls[0] == urls[1]


def test_no_signature_reaches_the_log(
    guarded: RunningLibra, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The access log is off, and stays harmless where somebody turns it on."""
    monkeypatch.setattr(guarded._server.config, "access_log", True)
    monkeypatch.setattr(logging.getLogger("uvicorn.access"), "propagate", True)
    caplog.set_level(logging.INFO, "uvicorn.access")
    secret = "0123456789" * 6 + "abcd"
    requests.get(f"{guarded.url}/artifacts/1.{secret}/a", timeout=60)  # over a new connection

    assert "/artifacts/" in caplog.text
    assert secret not in caplog.text
