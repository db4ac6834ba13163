from __future__ import annotations

from pathlib import Path

from libra_provider.server.statement_logs import PART, StatementLogs, piece


def read(
    folder: Path, data: bytes, *, is_over: bool, most: int = PART
) -> list[tuple[list[str], int]]:
    """Every piece of a log with these bytes, until nothing new comes."""
    own = StatementLogs(folder, "one", most=most)
    own.prepare()
    own.path("stdout").write_bytes(data)
    pieces, offset = [], 0
    while (found := piece(own.part("stdout", offset), is_over=is_over)).next_offset != offset:
        pieces.append((list(found.lines), found.next_offset))
        offset = found.next_offset
    return pieces


def test_the_last_line_is_given_once_it_is_whole(tmp_path: Path) -> None:
    assert read(tmp_path, "zwölf\nhal".encode(), is_over=False) == [(["zwölf"], 7)]
    assert read(tmp_path, "zwölf\nhal".encode(), is_over=True) == [(["zwölf", "hal"], 10)]


def test_pieces_end_between_lines_and_miss_nothing(tmp_path: Path) -> None:
    pieces = read(tmp_path, b"first\nsecond\nthird\n", is_over=True, most=10)

    assert [line for lines, _ in pieces for line in lines] == ["first", "second", "third"]


def test_a_line_longer_than_a_piece_comes_in_several(tmp_path: Path) -> None:
    pieces = read(tmp_path, b"x" * (PART + 5) + b"\nend\n", is_over=False)

    assert [len(line) for lines, _ in pieces for line in lines] == [PART, 5, 3]


def test_bytes_that_are_no_text_do_not_stop_the_reading(tmp_path: Path) -> None:
    pieces = read(tmp_path, b"a\xff\xfeb\nc\n", is_over=True)

    assert pieces[-1][1] == 7


def test_secrets_are_masked_and_files_are_private(tmp_path: Path) -> None:
    [(lines, _)] = read(tmp_path, b"password=hunter2\n", is_over=True)

    assert lines == ["password=***"]
    assert StatementLogs(tmp_path, "one").path("stdout").stat().st_mode & 0o777 == 0o600


def test_a_statement_that_has_written_nothing_has_an_empty_log(tmp_path: Path) -> None:
    found = piece(StatementLogs(tmp_path, "none").part("stderr", 5), is_over=True)

    assert (list(found.lines), found.next_offset, found.size) == ([], 0, 0)
