from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libra_provider.core import units
from libra_provider.core.errors import BadInput


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("512b", 512),
        ("1k", 1024),
        ("512m", 512 * 2**20),
        ("2g", 2 * 2**30),
        ("1.5 GB", 3 * 2**29),
        ("10 MiB", 10 * 2**20),
        (" 1T ", 2**40),
    ],
)
def test_a_size_has_the_meaning_that_spark_gives_it(text: str, size: int) -> None:
    assert units.size_in_bytes(text) == size


@pytest.mark.parametrize("text", ["512", "", "g", "1 gallon", "-1g", 512, None, "1.g", True])
def test_what_is_no_size_is_refused_with_the_parameter_in_the_message(text: object) -> None:
    with pytest.raises(
        BadInput, match=r"^(Invalid|Missing) spark\.driver\.memory\b.*: expected a size"
    ):
        units.size_in_bytes(text, parameter="spark.driver.memory")


@pytest.mark.parametrize(
    ("text", "spark"), [("1.5 GB", "1536m"), ("2g", "2g"), ("2048m", "2g"), ("0.5 MB", "512k")]
)
def test_a_size_that_spark_cannot_read_is_rewritten(text: str, spark: str) -> None:
    assert units.spark_size(text) == spark


@given(st.integers(1, 10**6), st.sampled_from("kmgt"))
def test_a_rewritten_size_is_the_same_size(number: int, unit: str) -> None:
    text = f"{number}{unit}"

    assert units.size_in_bytes(units.spark_size(text)) == units.size_in_bytes(text)


@given(st.text(max_size=12))
def test_any_text_is_a_size_or_bad_input(text: str) -> None:
    try:
        size = units.size_in_bytes(text)
    except BadInput:
        return

    assert size >= 0


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("10 min", 600), ("2h", 7200), ("250 ms", 0.25), (2.5, 2.5), (timedelta(minutes=1), 60)],
)
def test_a_duration_is_a_number_a_text_or_a_timedelta(value: object, seconds: float) -> None:
    assert units.duration_in_seconds(value) == seconds


@pytest.mark.parametrize(
    "value", ["10", "soon", -1, timedelta(seconds=-1), None, True, "1 fortnight"]
)
def test_what_is_no_duration_is_refused(value: object) -> None:
    with pytest.raises(BadInput, match=r"^(Invalid|Missing) patience\b.*: "):
        units.duration_in_seconds(value, parameter="patience")


@pytest.mark.parametrize(
    ("text", "bits"), [("100 Mbit/s", 1e8), ("10Gbit", 1e10), ("56 kbps", 56_000), ("9bit/s", 9)]
)
def test_a_bandwidth_counts_bits_in_powers_of_1000(text: str, bits: float) -> None:
    assert units.bandwidth_in_bits(text) == bits


@pytest.mark.parametrize("digits", ["9" * 308, "9" * 400])
def test_what_no_float_holds_is_refused_and_never_infinite(digits: str) -> None:
    with pytest.raises(BadInput):
        units.size_in_bytes(f"{digits}g")
    with pytest.raises(BadInput):
        units.duration_in_seconds(f"{digits} h")
    with pytest.raises(BadInput):
        units.bandwidth_in_bits(f"{digits} Gbit/s")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_duration_has_an_end(value: float) -> None:
    with pytest.raises(BadInput, match="patience="):
        units.duration_in_seconds(value, parameter="patience")


@pytest.mark.parametrize(
    ("bits", "text"), [(9, "9 bit/s"), (1e8, "100 Mbit/s"), (1.25e9, "1.2 Gbit/s")]
)
def test_bandwidths_are_readable(bits: float, text: str) -> None:
    assert units.readable_bandwidth(bits) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.000027, "0.027 ms"), (0.002, "2 ms"), (0.12, "120 ms"), (1.5, "1500 ms")],
)
def test_round_trips_are_readable(seconds: float, text: str) -> None:
    assert units.readable_latency(seconds) == text


@pytest.mark.parametrize("text", ["100 MB/s", "fast", "", None, "0 Mbit/s"])
def test_what_is_no_bandwidth_is_refused(text: object) -> None:
    with pytest.raises(BadInput, match="Mbit"):
        units.bandwidth_in_bits(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.44, "0.4 s"),
        (12, "12 s"),
        (200, "3 min 20 s"),
        (600, "10 min"),
        (3601, "1 h"),
        (7500, "2 h 5 min"),
    ],
)
def test_durations_are_readable(seconds: float, text: str) -> None:
    assert units.readable_duration(seconds) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [(12, "12 bytes"), (1536, "1.5 KiB"), (3 * 2**30, "3 GiB"), (2**60, "1048576 TiB")],
)
def test_sizes_are_readable(size: int, text: str) -> None:
    assert units.readable_size(size) == text
