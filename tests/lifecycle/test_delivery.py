"""What the task log says of files on their way, and what an interrupted try leaves of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from libra_provider.clients.artifact import text
from libra_provider.core.errors import Rejected
from libra_provider.core.job import SparkJob, new_tag
from libra_provider.hooks import LibraHook
from libra_provider.lifecycle.delivery import UploadProgress, shipped
from tests.fakes.connections import connected_libra


def said_of(sent: list[tuple[float, int]], caplog: pytest.LogCaptureFixture) -> list[str]:
    """What is logged when so many of 4 MiB have gone at these seconds."""
    moments = iter([moment for moment, _ in sent])
    progress, artifact = UploadProgress(lambda: next(moments)), text("app.jar", b"x" * 2**22)
    with caplog.at_level("INFO"):
        for _, size in sent:
            progress(artifact, size)
    return caplog.messages


def test_what_is_quick_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    said = said_of([(0.0, 2**20), (1.0, 2**21), (1.9, 2**22)], caplog)

    assert said == ["Uploaded app.jar (4 MiB) to Libra"]


def test_what_takes_longer_tells_how_far_it_is_now_and_then(
    caplog: pytest.LogCaptureFixture,
) -> None:
    sent = [(0.0, 2**18), (2.1, 2**20), (5.0, 2**21), (12.2, 3 * 2**20), (13.0, 2**22)]

    assert said_of(sent, caplog) == [
        "Uploading app.jar to Libra: 1 MiB of 4 MiB",
        "Uploading app.jar to Libra: 3 MiB of 4 MiB",
        "Uploaded app.jar (4 MiB) to Libra",
    ]


def test_a_file_that_changed_after_an_interrupted_try_needs_a_clear(tmp_path: Path) -> None:
    """The tag stands for the file as it was, and a driver of that may still come to be."""
    file, tag = tmp_path / "etl.py", new_tag()
    file.write_text("1")
    job = SparkJob.from_application(str(file))
    with connected_libra():
        first = shipped(LibraHook(), job, tag, promised=False)
        again = shipped(LibraHook(), job, tag, promised=False)
        file.write_text("2")
        with pytest.raises(Rejected, match="clear the task"):
            shipped(LibraHook(), job, tag, promised=False)

    assert first == again
