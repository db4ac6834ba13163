"""Main classes in the shared driver's JVM, on a real cluster, from JARs that are compiled here."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from libra_provider.cluster.libra import LocalLibra
from libra_provider.cluster.standalone import spark_home
from tests.spark.statements import AT_ONCE, ENDLESS, WAIT, Client, SparkPage

MAIN = """
import java.util.Arrays;
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.api.java.UDF1;
import org.apache.spark.sql.types.DataTypes;

public class Main {
  static final String VERSION = "@VERSION@";

  public static class Tell implements UDF1<Long, String> {
    public String call(Long number) { return VERSION; }
  }

  public static void main(String[] args) throws Exception {
    SparkSession spark = SparkSession.builder().appName("mine").getOrCreate();
    System.err.println("error stream of " + VERSION);
    switch (args[0]) {
      case "versions": versions(spark); break;
      case "views": views(spark); break;
      case "threads": threads(spark); break;
      case "print": print(args[1]); break;
      case "flood": flood(); break;
      case "fail": throw new IllegalStateException("password=hunter2 is wrong");
      case "query": spark.sql("SELECT 1 / id FROM range(1)").collectAsList(); break;
      case "context": new JavaSparkContext(new SparkConf().setMaster("local").setAppName("a"));
      case "sleep": Thread.sleep(600_000); break;
      case "jobs": jobs(spark); break;
      case "loop":
        System.out.println("it loops");
        while (true) Math.sqrt(System.nanoTime());
      case "exit": System.exit(3);
      case "halt": Runtime.getRuntime().halt(7);
      case "stop": spark.sparkContext().stop(); break;
    }
    spark.stop();
  }

  static void versions(SparkSession spark) {
    spark.udf().register("tell", new Tell(), DataTypes.StringType);
    SparkSession other = spark.newSession();
    other.udf().register("tell", new Tell(), DataTypes.StringType);
    System.out.println("driver " + VERSION);
    System.out.println("sql " + spark.range(4).repartition(2).selectExpr("tell(id)")
        .distinct().collectAsList());
    System.out.println("other " + other.range(1, 2, 1, 1).selectExpr("tell(id)").collectAsList());
    JavaSparkContext context = JavaSparkContext.fromSparkContext(spark.sparkContext());
    System.out.println("rdd " + context.parallelize(Arrays.asList(1, 2), 2)
        .map(each -> VERSION + (spark == null)).distinct().collect());
  }

  static void views(SparkSession spark) {
    System.out.println("sees " + spark.table("before").first().get(0));
    System.out.println("set " + spark.conf().get("spark.sql.session.timeZone"));
    spark.sql("CREATE TEMP VIEW after AS SELECT 1");
  }

  static void threads(SparkSession spark) throws Exception {
    Thread started = new Thread(() -> System.out.println("counted " + spark.range(3).count()));
    started.start();
    started.join();
    new Thread(() -> {
      try { Thread.sleep(600_000); } catch (InterruptedException e) { }
    }, "left behind").start();
  }

  static void print(String word) throws Exception {
    for (int i = 0; i < 200; i++) {
      System.out.println(word + i);
      scala.Console.println(word + i);
      Thread.sleep(1);
    }
  }

  static void flood() {
    String kilobyte = "x".repeat(1023);
    for (int i = 0; i < 20 * 1024; i++) System.out.println(kilobyte);
  }

  static void jobs(SparkSession spark) {
    spark.sparkContext().setJobGroup("of its own", "of its own", false);
    spark.sql("@ENDLESS@").collectAsList();
  }
}
class Instance { public void main(String[] args) { } }
"""


@pytest.fixture(scope="module")
def jars(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``v1.jar`` and ``v2.jar``: two versions of the same classes."""
    folder = tmp_path_factory.mktemp("jars")
    for version in ("v1", "v2"):
        home = folder / version
        home.mkdir()
        source = MAIN.replace("@VERSION@", version).replace("@ENDLESS@", ENDLESS)
        (home / "Main.java").write_text(source)
        jars = f"{spark_home()}/jars/*"
        subprocess.run(["javac", "-nowarn", "-cp", jars, "Main.java"], check=True, cwd=home)
        subprocess.run(["jar", "cf", folder / f"{version}.jar", "."], check=True, cwd=home)
    return folder


class MainClasses(Client):
    """A client of a Libra that takes the JARs in *jars*."""

    def __init__(self, libra: LocalLibra, jars: Path) -> None:
        super().__init__(libra.url, token=libra.token)
        self._jars = jars

    def start(self, *args: str, version: str = "v1", session: str = "default", **body: Any) -> str:
        jar = {"filePath": str(self._jars / f"{version}.jar"), "args": args}
        body = {"kind": "jar-class", "mainClass": "Main"} | jar | body
        url = f"{self._url}/sessions/{session}/statements"
        reply = self._session.post(url, json=body, headers=AT_ONCE, timeout=60)
        assert reply.status_code == 202, reply.text
        job_id: str = reply.json()["jobId"]
        return job_id

    def run(self, *args: str, **body: Any) -> dict[str, Any]:
        return self.status(self.start(*args, **body), WAIT)

    def until_printed(self, job_id: str, text: str) -> None:
        """Main has begun: a statement is RUNNING before that."""
        url = f"{self._url}/statements/{job_id}/log"
        asked = {"stream": "stdout"}
        deadline = time.monotonic() + 300
        while text not in self._session.get(url, params=asked, timeout=60).json()["text"]:
            assert time.monotonic() < deadline, job_id
            time.sleep(0.05)

    def log(self, statement: dict[str, Any], stream: str = "stdout") -> str:
        url = f"{self._url}/statements/{statement['jobId']}/log"
        text, offset, complete = "", 0, False
        while not complete:
            asked = {"stream": stream, "offset": str(offset)}
            piece = self._session.get(url, params=asked, timeout=60).json()
            text, offset, complete = text + piece["text"], piece["nextOffset"], piece["complete"]
        return text


@pytest.fixture(scope="module")
def api(libra: LocalLibra, jars: Path) -> Iterator[MainClasses]:
    """The session's Libra: some main classes end its driver, and no other test minds a new one."""
    client = MainClasses(libra, jars)
    yield client
    client.close()


def test_two_versions_of_a_class_run_their_own_code_on_driver_and_executors(
    api: MainClasses,
) -> None:
    """At the same time, beside SQL that belongs to neither, and one after the other."""
    with ThreadPoolExecutor(3) as threads:
        sql = threads.submit(api.submit, "SELECT count(*) FROM range(9)", WAIT)
        both = [threads.submit(api.run, "versions", version=each) for each in ("v1", "v2")]
        done = [api.log(each.result()) for each in both]
    done.append(api.log(api.run("versions", version="v1")))

    assert sql.result()["state"] == "SUCCESS"
    assert done == [
        f"driver {version}\nsql [[{version}]]\nother [[{version}]]\nrdd [{version}false]\n"
        for version in ("v1", "v2", "v1")
    ]


def test_it_sees_its_session_and_leaves_it_as_it_was(api: MainClasses) -> None:
    api.submit("CREATE TEMP VIEW before AS SELECT 42", WAIT, session="seen")
    api.submit("SET spark.sql.session.timeZone = Asia/Tokyo", WAIT, session="seen")
    statement = api.run("views", session="seen")
    after = api.submit("SELECT * FROM after", WAIT, session="seen")

    assert api.log(statement) == "sees 42\nset Asia/Tokyo\n"
    assert after["errorClass"] == "TABLE_OR_VIEW_NOT_FOUND"


def test_what_it_prints_is_its_own_from_java_and_scala(api: MainClasses) -> None:
    with ThreadPoolExecutor(4) as threads:
        done = list(threads.map(lambda word: api.run("print", word), "abcd"))

    for statement, word in zip(done, "abcd", strict=True):
        expected = [f"{word}{number}" for number in range(200) for _ in range(2)]
        assert api.log(statement).split() == expected
        assert api.log(statement, "stderr") == "error stream of v1\n"


def test_a_flood_of_output_is_cut_and_says_so(api: MainClasses) -> None:
    log = api.log(api.run("flood"))

    assert 16 * 2**20 <= len(log) < 16 * 2**20 + 100
    assert log.endswith("[libra] 4194304 bytes more were dropped: the log is full.\n")


def test_its_threads_belong_to_it_and_are_interrupted_at_its_end(api: MainClasses) -> None:
    statement = api.run("threads")

    assert statement["state"] == "SUCCESS"
    assert api.log(statement) == "counted 3\n"
    assert "these threads of it were interrupted: left behind" in api.log(statement, "stderr")


def test_jobs_run_in_its_pool_and_group(api: MainClasses) -> None:
    statement = api.run("versions", pool="low-priority")

    assert SparkPage(statement).pools(statement["jobId"]) == {"low-priority"}


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"args": ["fail"]}, "java.lang.IllegalStateException: password="),
        ({"args": ["context"]}, "main creates a SparkContext"),
        ({"mainClass": "a.B"}, "there is no class a.B in "),
        ({"mainClass": "Main$Tell"}, "Main$Tell has no public static void main(String[] args)"),
        ({"mainClass": "Instance"}, "main of Instance is not static"),
        ({"filePath": "http://127.0.0.1:9/a.jar"}, "could not be downloaded"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_a_failure_is_one_sentence(api: MainClasses, body: dict[str, Any], sentence: str) -> None:
    failed = api.run(**body) if "args" in body else api.run("print", "a", **body)

    assert failed["state"] == "FAILED"
    assert sentence in failed["error"]
    assert "hunter2" not in failed["error"]


def test_an_error_keeps_its_class_and_the_users_frames(api: MainClasses) -> None:
    failed = api.run("query")
    log = api.log(failed, "stderr")

    assert (failed["errorClass"], failed["sqlState"]) == ("DIVIDE_BY_ZERO", "22012")
    assert "    at Main.main(Main.java:" in log
    assert "org.apache.spark.sql.classic" not in log


@pytest.mark.parametrize("what", ["sleep", "jobs"])
def test_kill_ends_what_listens_with_its_jobs(api: MainClasses, what: str) -> None:
    job_id = api.start(what)
    api.until(job_id, "RUNNING")
    api.kill(job_id)
    killed = api.status(job_id, WAIT)

    assert (killed["state"], killed["error"]) == ("CANCELLED", "It was killed while it ran.")
    SparkPage(killed).wait_until_idle()


def test_a_kill_that_main_does_not_listen_to_is_told_as_it_is(api: MainClasses) -> None:
    job_id = api.start("loop")
    api.until_printed(job_id, "it loops")
    api.kill(job_id)
    killed = api.status(job_id, WAIT)

    assert killed["state"] == "CANCELLED"
    assert "its thread still runs in the shared driver" in killed["error"]


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        # 3 is also what a JVM without memory ends with.
        ("exit", "its JVM ended with exit code 3: statement {} called System.exit"),
        pytest.param(*("stop", "statement {} stopped the SparkContext"), marks=pytest.mark.slow),
        pytest.param(
            *("halt", "statement {}, which ran a main class, may have ended it"),
            marks=pytest.mark.slow,  # each of them costs a start of the driver
        ),
    ],
)
def test_who_ends_the_driver_is_named_to_all_who_are_lost_with_it(
    api: MainClasses, what: str, sentence: str
) -> None:
    other = api.submit(ENDLESS, AT_ONCE)["jobId"]
    api.until(other, "RUNNING")
    culprit = api.run(what)
    lost = api.status(other, WAIT)
    next_one = api.submit("SELECT 1", WAIT)

    assert (culprit["state"], lost["state"]) == ("LOST", "LOST")
    assert sentence.format(culprit["jobId"]) in culprit["error"]
    assert sentence.format(culprit["jobId"]) in lost["error"]
    assert next_one["state"] == "SUCCESS"


@pytest.mark.slow
def test_with_a_resource_setting_it_runs_isolated(api: MainClasses) -> None:
    statement = api.run("print", "a", sparkConfig={"spark.executor.memory": "512m"})

    assert statement["state"] == "SUCCESS"
    assert statement["mode"] == "ISOLATED"


def test_a_remote_jar_is_fetched(api: MainClasses, jars: Path) -> None:
    handler = partial(SimpleHTTPRequestHandler, directory=str(jars))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/v2.jar"
        statement = api.run("print", "a", filePath=url)
        server.shutdown()

    assert statement["state"] == "SUCCESS"
    assert api.log(statement, "stderr") == "error stream of v2\n"
