"""Python statements of the shared driver, on a real cluster."""

from __future__ import annotations

import time
import uuid
from pathlib import Path
from typing import Any

import pytest
import requests

from libra_provider.cluster.libra import LocalLibra
from tests.spark.statements import AT_ONCE, ENDLESS, WAIT, Client, SparkPage, in_time

ENDLESS_JOB = f"spark.sql({ENDLESS!r}).collect()"
# Many tasks, between which others get the cores.
LONG_JOB = "spark.range(0, 4000000000, 1, 400).selectExpr('count(sqrt(id))').collect()"


class Session:
    """A separate session, so that tests do not share it; it ends with the test."""

    def __init__(self, api: Client, libra: LocalLibra) -> None:
        self.name = f"python-{uuid.uuid4().hex[:8]}"
        self._api, self._libra = api, libra

    def start(self, code: str, **body: Any) -> str:
        job_id: str = self._api.submit(code, AT_ONCE, self.name, kind="python", **body)["jobId"]
        return job_id

    def run(self, code: str, **body: Any) -> dict[str, Any]:
        return self._api.submit(code, WAIT, self.name, kind="python", **body)

    def sql(self, code: str) -> Any:
        return self.result(self._api.submit(code, WAIT, self.name))["rows"]

    def result(self, statement: dict[str, Any]) -> Any:
        assert statement["state"] == "SUCCESS", statement
        return self._api.rows(statement["jobId"])

    def value(self, code: str, **body: Any) -> Any:
        return self.result(self.run(code, **body))["value"]

    def rows(self, code: str, **body: Any) -> Any:
        return self.result(self.run(code, **body))["rows"]

    def printed(self, statement: dict[str, Any], stream: str = "stdout") -> str:
        folder = self._libra.data_dir / "logs" / "statements"
        return (folder / f"{statement['jobId']}.{stream}").read_text()

    def close(self) -> None:
        requests.delete(
            f"{self._libra.url}/api/v1/sessions/{self.name}",
            headers={"Authorization": f"Bearer {self._libra.token}"},
            timeout=60,
        )


@pytest.fixture
def python(api: Client, libra: LocalLibra) -> Any:
    session = Session(api, libra)
    yield session
    session.close()


@pytest.fixture(scope="module")
def shared(libra: LocalLibra) -> Any:
    """For what leaves it as it was: a Python costs seconds here."""
    client = Client(libra.url, token=libra.token)
    session = Session(client, libra)
    yield session
    session.close()
    client.close()


def test_sql_and_python_of_a_session_live_in_one_world(python: Session) -> None:
    python.sql("CREATE TEMP VIEW of_sql AS SELECT 42 AS x")
    python.sql("SET spark.sql.shuffle.partitions = 3")
    found = python.value(
        "spark.range(7).createOrReplaceTempView('of_python')\n"
        "[spark.table('of_sql').first().x, spark.conf.get('spark.sql.shuffle.partitions')]"
    )
    python.run("spark.conf.set('spark.sql.shuffle.partitions', 2)")

    assert found == [42, "3"]
    assert python.sql("SELECT count(*) FROM of_python") == [[7]]
    assert python.sql("SET spark.sql.shuffle.partitions") == [["spark.sql.shuffle.partitions", "2"]]


def test_tables_come_back_as_rows_whoever_made_them(shared: Session) -> None:
    frame = shared.run("df = spark.sql('SELECT 1 AS a, 2 AS a, DATE \\'2026-01-02\\' AS d'); df")
    pandas = "import pandas; pandas.DataFrame({'a': [1, 2], 'b': ['x', None]})"
    arrow = "import pyarrow; pyarrow.table({'a': [1.5]})"

    assert shared.result(frame)["columns"] == ["a", "a", "d"]
    assert shared.result(frame)["rows"] == [[1, 2, "2026-01-02"]]
    assert shared.rows(pandas) == [[1, "x"], [2, None]]
    assert shared.rows(arrow) == [[1.5]]


def test_the_result_limit_holds_for_every_table(shared: Session, tmp_path: Path) -> None:
    code = "spark.range(20)"
    refused = [
        shared.run(each, resultLimit=5) for each in (code, "import pandas\n" + code + ".toPandas()")
    ]
    written = shared.run(code, resultPath=str(tmp_path / "rows"))

    assert {each["errorClass"] for each in refused} == {"LIBRA_RESULT_TOO_LARGE"}
    assert [each["rowCount"] for each in refused] == [6, 20]
    assert len(shared.rows(code, resultLimit=20)) == 20
    assert shared.result(written)["rowCount"] == 20


def test_other_values_are_json_and_output_is_kept(shared: Session) -> None:
    done = shared.run(
        "import sys\nprint('out')\nprint('err', file=sys.stderr)\n{'n': 1, 'args': sys.argv[1:]}",
        args=["--day", "2026-01-02"],
    )

    assert shared.result(done)["value"] == {"n": 1, "args": ["--day", "2026-01-02"]}
    assert (shared.printed(done), shared.printed(done, "stderr")) == ("out\n", "err\n")
    assert shared.value("x = 1") is None


def test_the_old_contract_gets_text(api: Client, shared: Session) -> None:
    body = api.submit("spark.range(25)", session=shared.name, kind="python")
    value = api.submit("'a word'", session=shared.name, kind="python")

    assert body["result"].splitlines()[-1] == "... showing 20 of 25 rows"
    assert value["result"] == "a word"


def test_functions_and_classes_reach_the_executors(shared: Session) -> None:
    shared.run(
        "from pyspark.sql import functions as F\n"
        "class Shift:\n    by = 5\n"
        "@F.udf('long')\ndef shifted(n):\n    return n + Shift.by\n"
        "@F.udf('long')\ndef broken(n):\n    return n // 0"
    )
    rows = shared.rows("spark.range(2).select(shifted('id'))")
    failed = shared.run("spark.range(2).select(broken('id')).collect()")

    assert rows == [[5], [6]]
    assert failed["errorClass"] == "PYTHON_EXCEPTION"
    assert "ZeroDivisionError" in failed["error"]


@pytest.mark.parametrize(
    ("code", "error_class", "words"),
    [
        ("\n1 / 0", "ZeroDivisionError", "division by zero (line 2: 1 / 0)"),
        ("x = (", "SyntaxError", "(line 1: x = ()"),
        ("spark.table('nowhere')\n.x", "SyntaxError", "line 2"),
        ("spark.table('nowhere').show()", "TABLE_OR_VIEW_NOT_FOUND", "(line 1: spark.table("),
        ("spark.sparkContext", "JVM_ATTRIBUTE_NOT_SUPPORTED", "ISOLATED"),
        ("spark.range(1).rdd", "NOT_IMPLEMENTED", "ISOLATED"),
        ("import pyspark\npyspark.SparkContext()", "CONTEXT_UNAVAILABLE_FOR_REMOTE_CLIENT", "ISOL"),
        ("raise ValueError('password=geheim')", "ValueError", "password=***"),
        ("import sys; sys.exit('why')", "SystemExit", "why"),
    ],
)
def test_a_failure_says_what_and_where(
    shared: Session, code: str, error_class: str, words: str
) -> None:
    failed = shared.run(code)
    trace = shared.printed(failed, "stderr")

    assert (failed["state"], failed["errorClass"]) == ("FAILED", error_class)
    assert words in failed["error"]
    assert "geheim" not in failed["error"] + trace
    assert "/" not in trace.replace("1 / 0", "").partition("\n")[0]
    assert "org.apache" not in trace


def test_jobs_of_a_child_have_its_pool_and_its_group(shared: Session) -> None:
    """Also those of a session that it makes itself, and those that only infer a schema."""
    done = shared.run(
        "import json, os\nwith open('a.json', 'w') as file: json.dump({'a': 1}, file)\n"
        "spark.read.json('file://' + os.path.abspath('a.json')).columns\n"
        "spark.newSession().range(3).collect()\nspark.range(9)",
        pool="interactive",
    )
    later = shared.run("spark.range(9).count()")
    page = SparkPage(done)

    assert page.pools(done["jobId"]) == {"interactive"}
    assert in_time(lambda: page.jobs(done["jobId"])[2:])
    assert page.pools(later["jobId"]) == {"default"}


def test_sql_beside_it_in_the_same_session_keeps_its_own_pool(api: Client, shared: Session) -> None:
    long = shared.start(LONG_JOB, pool="low-priority")
    page = SparkPage(api.until(long, "RUNNING"))
    page.wait_for_work()
    sql = api.submit("SELECT count(*) FROM range(9)", WAIT, shared.name, pool="interactive")
    state = api.status(long)["state"]
    api.kill(long)

    assert (sql["state"], state) == ("SUCCESS", "RUNNING")
    assert page.pools(sql["jobId"]) == {"interactive"}
    assert api.status(long, WAIT)["state"] == "CANCELLED"


@pytest.mark.parametrize(
    "code",
    [
        ENDLESS_JOB,
        f"spark.sql({ENDLESS!r})",
        f"spark.newSession().sql({ENDLESS!r}).collect()",
    ],
    ids=["in Python", "as its result", "in a session that it made"],
)
def test_a_kill_ends_the_jobs_of_a_child(api: Client, python: Session, code: str) -> None:
    job_id = python.start(code)
    page = SparkPage(api.until(job_id, "RUNNING"))
    page.wait_for_work()
    api.kill(job_id)
    ended = api.status(job_id, WAIT)
    page.wait_until_idle()

    assert ended["state"] == "CANCELLED"


def test_a_killed_one_leaves_the_next_a_fresh_python_that_says_so(
    api: Client, python: Session
) -> None:
    python.run("kept = 1")
    python.run("spark.range(3).createOrReplaceTempView('stays')")
    endless = python.start("while True: pass")
    waiting, last = python.start("1"), python.start("kept")
    api.until(endless, "RUNNING")
    api.kill(waiting)
    before = api.status(waiting, WAIT)["state"], api.status(endless)["state"]
    api.kill(endless)
    ended = api.status(last, WAIT)

    assert before == ("CANCELLED", "RUNNING")
    assert f"lost: its Python process was killed with statement {endless}" in ended["error"]
    assert python.printed(ended, "stderr").startswith(f"The variables of session '{python.name}'")
    assert python.rows("spark.table('stays')") == [[0], [1], [2]]


def test_nothing_that_one_python_does_to_itself_harms_another(
    api: Client, python: Session, shared: Session
) -> None:
    shared.run("mine = 1")
    stopped = python.run("spark.stop()")
    after = python.value("spark.range(3).count()")
    released = python.run("spark.client.release_session()")
    again = python.value("spark.range(4).count()")
    died = python.run("import os; os._exit(3)")

    assert (stopped["state"], after, released["state"], again) == ("SUCCESS", 3, "SUCCESS", 4)
    assert died["errorClass"] == "LIBRA_PYTHON_ENDED"
    assert shared.value("mine + spark.range(1).count()") == 2
    assert api.submit("SELECT 1", WAIT)["driver"]["epoch"] == stopped["driver"]["epoch"]


def test_sessions_run_at_the_same_time(api: Client, python: Session, shared: Session) -> None:
    long = python.start("import time\nwhile True: time.sleep(1)")
    api.until(long, "RUNNING")

    assert shared.value("1") == 1
    assert api.status(long)["state"] == "RUNNING"


def test_a_child_ends_with_its_session(python: Session) -> None:
    pid = python.value("import os; os.getpid()")
    there = Path(f"/proc/{pid}").exists()
    python.close()

    assert there
    ends(pid)


@pytest.fixture
def own(python: Session) -> Session:
    """No session: each statement has one to itself."""
    python.name = "own"
    return python


def test_a_session_of_ones_own_is_new_for_each_statement_and_ends_with_it(own: Session) -> None:
    left = own.value(
        "import os\nmine = 1\nspark.range(3).createOrReplaceTempView('mine')\n"
        "spark.conf.set('spark.sql.shuffle.partitions', 2)\nos.getpid()"
    )
    found = own.value(
        "['mine' in globals(), spark.catalog.tableExists('mine'),"
        " spark.conf.get('spark.sql.shuffle.partitions') == '2']"
    )

    assert found == [False, False, False]
    assert own.rows("spark.range(2)") == [[0], [1]]
    ends(left)


def test_those_of_their_own_run_at_the_same_time_and_can_be_killed(
    api: Client, own: Session
) -> None:
    long = own.start("import time\nwhile True: time.sleep(1)")
    api.until(long, "RUNNING")

    assert own.value("1") == 1
    assert api.status(long)["state"] == "RUNNING"
    api.kill(long)
    api.until(long, "CANCELLED")


def ends(pid: int) -> None:
    deadline = time.monotonic() + 300
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < deadline, "it lives on"
        time.sleep(0.1)


def test_secrets_of_libra_are_out_of_reach(shared: Session) -> None:
    found = shared.value("import os; [n for n in os.environ if n.startswith('LIBRA_')]")
    token = shared.value("spark.conf.get('spark.connect.authenticate.token', 'not there')")

    assert found == ["LIBRA_TAG"]
    assert token == "not there"
