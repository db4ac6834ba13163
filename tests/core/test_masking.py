from __future__ import annotations

import pytest

from libra_provider.core.masking import masked_conf, masked_text


@pytest.mark.parametrize(
    "key",
    [
        "spark.hadoop.fs.s3a.secret.key",
        "spark.hadoop.fs.s3a.access.key",
        "spark.ssl.keyPassword",
        "spark.connect.authenticate.token",
        "api_key",
    ],
)
def test_values_of_secret_looking_keys_are_masked(key: str) -> None:
    assert masked_conf({key: "hidden", "spark.cores.max": "4"}) == {
        key: "***",
        "spark.cores.max": "4",
    }


@pytest.mark.parametrize(
    "line",
    [
        "--conf spark.hadoop.fs.s3a.secret.key=hidden --name etl",
        "password: hidden, user: me",
        '{"token": "hidden", "host": "h"}',
        "https://h/path?access_key=hidden&x=1",
        "Authorization=hidden",
    ],
)
def test_a_line_loses_the_values_of_secret_looking_keys(line: str) -> None:
    assert "hidden" not in masked_text(line)
    assert "***" in masked_text(line)


@pytest.mark.parametrize("purpose", ["artifacts", "results", "reports"])
def test_a_signed_url_of_libra_loses_its_signature_and_nothing_else(purpose: str) -> None:
    url = f"https://libra:8990/{purpose}/1799999999.{'0123456789abcdef' * 4}/x/app.jar"
    masked = f"https://libra:8990/{purpose}/***/x/app.jar"

    assert masked_text(f"Added JAR {url} at {url}") == f"Added JAR {masked} at {masked}"


def test_an_ordinary_line_stays_as_it_is() -> None:
    line = "26/11/20 10:00:00 INFO TaskSetManager: Finished task 1.0 in stage 0.0 (TID 1) in 12 ms"

    assert masked_text(line) == line


def test_a_long_line_is_read_once() -> None:
    """A pattern that starts over at each character would take minutes here."""
    assert masked_text("x" * 10**6) == "x" * 10**6
