"""A log is followed by bytes and shown by lines: never twice, never lost, never a secret."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from libra_provider.clients.standalone.driver_log import LogFollower
from libra_provider.clients.standalone.pages import LogPart

COMMAND = (
    'Launch Command: "java" "-Dspark.hadoop.fs.s3a.secret.key=hidden" "--conf" "x=hidden\n'
    'second line of a property"\n' + "=" * 40 + "\n\n"
)


def part_of(log: bytes, offset: int, length: int) -> LogPart:
    """What a worker's page answers: bytes cut anywhere, and then decoded."""
    piece = log[offset : offset + length]
    return LogPart(piece.decode(errors="replace"), offset, offset + len(piece), len(log))


def followed(log: bytes, length: int) -> list[str]:
    follower, lines = LogFollower(), list[str]()
    for _ in range(len(log) + 2):
        lines += follower.take(part_of(log, follower.offset, length))
        if follower.complete:
            return lines + follower.remainder()
    raise AssertionError("it does not come to an end")


@given(
    lines=st.lists(st.text(st.characters(exclude_characters="\r\n", codec="utf-8"), max_size=12)),
    length=st.integers(64, 200),
)
def test_every_line_is_shown_once_wherever_the_log_is_cut(lines: list[str], length: int) -> None:
    """A part may end in the middle of a line, and of a character."""
    log = "\n".join(lines).encode()

    assert followed(log, length) == [line for line in lines if line.strip()]


@given(log=st.binary(max_size=300), length=st.integers(1, 64))
def test_a_log_that_is_no_text_comes_to_an_end_too(log: bytes, length: int) -> None:
    followed(log, max(length, 1))


def test_what_was_written_between_two_looks_is_shown_at_the_second() -> None:
    follower = LogFollower()

    assert follower.take(part_of(b"one\ntw", 0, 64)) == ["one"]
    assert follower.take(part_of(b"one\ntwo\nthree", follower.offset, 64)) == ["two"]
    assert follower.take(part_of(b"one\ntwo\nthree", follower.offset, 64)) == []
    assert follower.remainder() == ["three"]


def test_the_launch_command_is_never_shown() -> None:
    """It carries every property and argument of the submission, redacted only in part."""
    log = (COMMAND + "hello\n" + COMMAND + "again\n").encode()

    assert followed(log, 4096) == ["hello", "again"]
    assert followed(log, 64) == ["hello", "again"]


def test_values_of_secret_looking_keys_are_masked() -> None:
    assert followed(b"connecting with password=hidden to db\n", 64) == [
        "connecting with password=*** to db"
    ]


def test_a_line_that_does_not_end_is_shown_in_pieces() -> None:
    lines = followed(b"x" * 100_000, 2**16)

    assert "".join(lines) == "x" * 100_000
