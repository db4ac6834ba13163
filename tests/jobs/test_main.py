"""A job in its driver, from its order to its receipt; without a JVM, which few of these need."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from libra_provider.clients import runtime_zip
from tests.fakes.server import Answer
from tests.fakes.signed import SIGNATURE, SignedEndpoints
from tests.fakes.tls import Authority, TlsFront

TAG = "5" * 32
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def libra() -> Iterator[SignedEndpoints]:
    with SignedEndpoints() as running:
        yield running


@pytest.fixture
def run(libra: SignedEndpoints, tmp_path: Path) -> Run:
    """Run a program's text as a job, in a folder that has nothing but the bootstrap."""
    bootstrap = tmp_path / "bootstrap.py"
    bootstrap.write_bytes(runtime_zip.bootstrap().content)
    folder = tmp_path / "driver-20261120082239-0007"
    folder.mkdir()

    def run(
        text: str, *arguments: str, env: dict[str, str] | None = None, **order: Any
    ) -> subprocess.CompletedProcess[str]:
        order = {"application": libra.keep("etl.py", text)} | order
        given = {name: each for name, each in os.environ.items() if name != "PYTHONPATH"}
        return subprocess.run(
            [sys.executable, str(bootstrap), *arguments],
            capture_output=True,
            text=True,
            check=False,
            cwd=folder,
            env=given | {"LIBRA_JOB": libra.order(TAG, **order)} | (env or {}),
        )

    return run


def test_an_unpacked_runtime_zip_runs_an_order_that_names_none(
    libra: SignedEndpoints, tmp_path: Path
) -> None:
    """Where workers have the whole zip, nothing has to be fetched, and no Libra is needed."""
    with zipfile.ZipFile(io.BytesIO(runtime_zip.runtime_zip().content)) as archive:
        archive.extractall(tmp_path)
    program = tmp_path / "etl.py"
    program.write_text("print('it runs')")
    order = libra.order(
        TAG, application=str(program), runtime=None, report_url=None, result_url=None
    )
    done = subprocess.run(
        [sys.executable, str(tmp_path / "libra_provider" / "jobs" / "sql_runner.py")],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env=os.environ | {"LIBRA_JOB": order},
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("it runs\n")


RETURNS = "from libra_provider import jobs\njobs.result({'rows': [1, 2.5, None], 'day': 'x'})\n"


def test_a_job_is_fetched_run_and_reported(run: Run, libra: SignedEndpoints) -> None:
    text = "import sys\nprint(__name__, __file__, sys.argv, sys.path[0])\n" + RETURNS
    done = run(text, "--day", "2026-01-31", returns=True)
    name, file, *_ = done.stdout.split()
    [started], [ended] = libra.events("started"), libra.events("ended")

    assert (done.returncode, done.stderr) == (0, "")
    assert (name, Path(file).name) == ("__main__", "etl.py")
    assert f"['{file}', '--day', '2026-01-31'] {Path(file).parent}\n" in done.stdout
    assert libra.result == {"value": {"rows": [1, 2.5, None], "day": "x"}}
    assert libra.results[0].path == (
        f"/results/{SIGNATURE}/{TAG}?version=1&attempt={started['attempt']}"
    )
    assert started["driverId"] == "driver-20261120082239-0007"
    assert ended == {
        "version": 1,
        "event": "ended",
        "attempt": started["attempt"],
        "state": "SUCCESS",
        "written": None,
    }
    assert not Path(file).exists()


ENDS = [
    ("pass", ("SUCCESS", None, None, 0)),
    ("import sys; sys.exit()", ("SUCCESS", None, None, 0)),
    ("import sys; sys.exit(3)", ("FAILED", "SystemExit", "The program called sys.exit(3)", 3)),
    (
        "import sys; sys.exit('no password=x9')",
        ("FAILED", "SystemExit", "no password=***", 1),
    ),
    (
        "try:\n    {}['a']\nexcept KeyError:\n    raise SystemExit(2)",
        (
            "FAILED",
            "SystemExit",
            "The program called sys.exit(2) after KeyError: 'a' (line 2: {}['a'])",
            2,
        ),
    ),
    (
        "def f():\n    raise ValueError('token=abc is wrong')\nf()",
        (
            "FAILED",
            "ValueError",
            "ValueError: token=*** is wrong (line 2: raise ValueError('token=*** is wrong'))",
            1,
        ),
    ),
    (
        "x = (",
        ("FAILED", "SyntaxError", "SyntaxError: '(' was never closed (line 1: x = ()", 1),
    ),
    (
        "import threading\nt = threading.Thread(target=lambda: 1 / 0)\nt.start()\nt.join()",
        ("SUCCESS", None, None, 0),
    ),
]


@pytest.mark.parametrize(("text", "receipt"), ENDS)
def test_the_receipt_says_how_it_ended(
    run: Run, libra: SignedEndpoints, text: str, receipt: tuple[str, str | None, str | None, int]
) -> None:
    done = run(text)
    [ended] = libra.events("ended")
    found = (ended["state"], ended.get("errorClass"), ended.get("error"), done.returncode)

    assert found == receipt


def test_the_receipt_is_the_last_thing_that_happens(run: Run, libra: SignedEndpoints) -> None:
    """After the program's exit handlers and its threads, since they may return a result."""
    text = (
        "import atexit, threading, time\nfrom libra_provider import jobs\n"
        "def later():\n    time.sleep(0.5)\n    jobs.result('late')\n"
        "threading.Thread(target=later).start()\n"
        "atexit.register(lambda: print('bye'))\n"
    )
    done = run(text)

    assert done.stdout == "bye\n"
    assert libra.result == {"value": "late"}
    assert libra.requests[-1].json()["event"] == "ended"


def test_a_process_that_the_program_forks_leaves_no_receipt(
    run: Run, libra: SignedEndpoints
) -> None:
    """Not even where it changes folders, and ends as its parent does."""
    text = (
        "import os, sys\nfrom pathlib import Path\n"
        "os.chdir('/')\n"
        "if os.fork() == 0:\n    sys.exit(3)\n"
        "os.wait()\n"
        "print(Path(__file__).exists())"
    )
    done = run(text)

    assert done.stdout == "True\n"
    assert [each["state"] for each in libra.events("ended")] == ["SUCCESS"]


@pytest.mark.parametrize("end", ["os._exit(0)", "os.kill(os.getpid(), 9)"])
def test_whoever_is_cut_off_leaves_no_receipt(run: Run, libra: SignedEndpoints, end: str) -> None:
    run(f"import os\n{end}")

    assert libra.events("ended") == []


def test_a_libra_that_restarts_costs_neither_result_nor_receipt(
    run: Run, libra: SignedEndpoints
) -> None:
    libra.away = {"artifacts": 1, "results": 2, "reports": 3}
    done = run(RETURNS, returns=True)

    assert done.returncode == 0
    assert libra.result["value"]["day"] == "x"
    assert [each["event"] for each in libra.reports] == ["started", "ended"]
    assert libra.reports[-1]["state"] == "SUCCESS"


def test_a_refused_receipt_is_shown_and_costs_the_job_nothing(
    run: Run, libra: SignedEndpoints
) -> None:
    libra.refusals["reports"] = Answer(410, {"detail": "Job x has ended."})
    done = run("print('worked')")
    last = done.stdout.splitlines()[-1]

    assert done.returncode == 0
    assert (
        "Could not send the receipt: Libra responded with HTTP 410: Job x has ended." in done.stderr
    )
    assert json.loads(last.removeprefix("libra-receipt: "))["state"] == "SUCCESS"


def test_without_a_libra_the_receipt_is_the_last_line_of_the_output(
    run: Run, libra: SignedEndpoints
) -> None:
    done = run("print('half a line', end='')", report_url=None, result_url=None)
    last = done.stdout.splitlines()[-1]
    receipt = json.loads(last.removeprefix("libra-receipt: "))

    assert libra.reports == []
    assert (receipt["tag"], receipt["state"], receipt["event"]) == (TAG, "SUCCESS", "ended")


def test_two_results_are_an_error_that_says_so(run: Run, libra: SignedEndpoints) -> None:
    run(RETURNS + "jobs.result(2)")
    [ended] = libra.events("ended")

    assert ended["error"].startswith("ResultError: A job has one result, and this one has returned")
    assert len(libra.results) == 1


def test_after_a_result_that_was_too_large_a_smaller_one_is_taken(
    run: Run, libra: SignedEndpoints
) -> None:
    text = (
        "from libra_provider import jobs\n"
        "try:\n    jobs.result('x' * 2**20)\n"
        "except Exception as error:\n    print(error)\n"
        "jobs.result('x')\n"
    )
    done = run(text)

    assert done.stdout.startswith(
        "The value is 1.0 MiB as JSON, more than 1 MiB; return a DataFrame"
    )
    assert libra.result == {"value": "x"}


@pytest.mark.parametrize(
    ("order", "text", "error"),
    [
        (
            {},
            "jobs.result(object())",
            "; return a DataFrame, a pandas or Arrow table, jobs.reference(…), or a value",
        ),
        (
            {"result_url": None},
            "jobs.result(1)",
            "This job has no Libra to return its result to: submit it with libra_conn_id",
        ),
    ],
)
def test_what_cannot_be_handed_in_fails_with_what_to_do(
    run: Run, libra: SignedEndpoints, order: dict[str, Any], text: str, error: str
) -> None:
    run(f"from libra_provider import jobs\n{text}", **order)
    [ended] = libra.events("ended")

    assert error in ended["error"]


def test_what_libra_refuses_is_told_in_its_words(run: Run, libra: SignedEndpoints) -> None:
    libra.refusals["results"] = Answer(409, {"detail": "Other rows were handed in before."})
    run(RETURNS)
    [ended] = libra.events("ended")

    assert "Libra responded with HTTP 409: Other rows were handed in before." in ended["error"]


def test_a_reference_is_in_the_receipt(run: Run, libra: SignedEndpoints) -> None:
    run("from libra_provider import jobs\njobs.result(jobs.reference('s3a://b/x', rows=3))")
    [ended] = libra.events("ended")

    assert ended["written"] == {"uri": "s3a://b/x", "rowCount": 3, "bytes": None, "schema": None}
    assert libra.results == []


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ("Path('/lake/x')", "Invalid uri=PosixPath('/lake/x'): expected a string."),
        ("'s3a://b/x', rows=-1", "Invalid rows=-1: expected a whole number, or None if unknown."),
        ("'s3a://b/x', bytes=1.5", "Invalid bytes=1.5: expected a whole number"),
        (
            "'s3a://b/x', schema='n INT'",
            "Invalid schema='n INT': expected Spark's, such as frame.schema.",
        ),
    ],
)
def test_a_reference_that_nobody_could_be_told_is_an_error_where_it_is_made(
    run: Run, libra: SignedEndpoints, given: str, error: str
) -> None:
    """The receipt would not be taken, and the job be without one and without a result."""
    text = "from pathlib import Path\nfrom libra_provider import jobs\n"
    run(f"{text}jobs.result(jobs.reference({given}))")
    [ended] = libra.events("ended")

    assert (ended["state"], ended["errorClass"]) == ("FAILED", "ResultError")
    assert error in ended["error"]


def test_a_reference_takes_a_count_of_numpy_and_a_schema_of_spark(
    run: Run, libra: SignedEndpoints
) -> None:
    text = (
        "import numpy\nfrom libra_provider import jobs\n"
        "from pyspark.sql.types import IntegerType, StructType\n"
        "schema = StructType().add('n', IntegerType())\n"
        "jobs.result(jobs.reference('s3a://b/x', rows=numpy.int64(3), schema=schema))\n"
    )
    run(text)
    [ended] = libra.events("ended")

    assert ended["written"]["rowCount"] == 3
    assert [field["name"] for field in ended["written"]["schema"]["fields"]] == ["n"]


def test_bytes_that_are_not_what_the_address_says_are_not_run(
    run: Run, libra: SignedEndpoints
) -> None:
    url = libra.keep("etl.py", "print('ran')")
    libra.artifacts[url.partition(f"{SIGNATURE}/")[2]] = b"print('somebody else ran')"
    done = run("", application=url)
    [ended] = libra.events("ended")

    assert "somebody" not in done.stdout
    assert "Could not fetch " in ended["error"]
    assert "/etl.py (the content does not have the SHA-256 in the URL)" in ended["error"]


def test_a_missing_artifact_is_named_without_its_signature(
    run: Run, libra: SignedEndpoints
) -> None:
    url = libra.keep("etl.py", "x").replace("etl.py", "gone.py")
    done = run("", application=url)
    [ended] = libra.events("ended")

    assert "/artifacts/***/" in done.stderr
    assert "gone.py (HTTP Error 404: Not Found)" in done.stderr
    assert SIGNATURE not in done.stderr + ended["error"]


def test_a_driver_without_a_kit_says_what_is_missing(run: Run) -> None:
    done = run("", runtime=None)

    assert done.returncode == 1
    assert done.stderr.startswith("libra.FetchError: LIBRA_JOB names no runtime zip, and ")


@pytest.mark.parametrize("version", [2, None])
def test_a_spec_of_another_version_fails_with_both_versions_and_what_to_do(
    run: Run, libra: SignedEndpoints, version: int | None
) -> None:
    """Workers may have an unpacked runtime zip that is older than the submitter's provider."""
    done = run("print('ran')", version=version)

    assert (done.returncode, done.stdout) == (1, "")
    assert f"libra.VersionError: The job in LIBRA_JOB has version {version} " in done.stderr
    assert "bootstrap.py reads version 1; replace it on the workers" in done.stderr
    assert libra.requests == []


def test_the_program_does_not_see_the_signed_urls(run: Run) -> None:
    done = run("import os\nprint(dict(os.environ))")

    assert SIGNATURE not in done.stdout


def test_a_libra_with_a_certificate_of_its_own_is_believed_by_what_the_order_says(
    run: Run, libra: SignedEndpoints, tmp_path: Path
) -> None:
    authority = Authority(tmp_path / "tls")
    with TlsFront(libra.port, authority.chain) as front:
        libra.public_url = front.url
        believed = run(RETURNS, ca=authority.ca.read_text())
        distrusted = run(RETURNS)

    assert (believed.returncode, believed.stderr) == (0, "")
    assert libra.result["value"]["day"] == "x"
    assert distrusted.returncode == 1
    assert "CERTIFICATE_VERIFY_FAILED" in distrusted.stderr


def test_outside_of_a_job_the_result_is_shown() -> None:
    words = [sys.executable, "-c", RETURNS]
    done = subprocess.run(words, capture_output=True, text=True, check=False)

    assert done.stdout.startswith("Not running as a Libra job: no result is returned.")
    assert '"day": "x"' in done.stdout


@pytest.mark.parametrize(
    "text", ["'spark'", "spark = 1\nspark", "with open('/dev/null') as spark:\n    spark.name"]
)
def test_a_text_that_does_not_count_on_a_session_is_given_none(
    run: Run, libra: SignedEndpoints, text: str
) -> None:
    """It may set one up in its own way."""
    run(f"{text}\nimport sys\n'pyspark.sql' in sys.modules", kind="python")

    assert libra.result == {"value": False}
