from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from libra_provider.clients.doctor import checks
from libra_provider.clients.doctor.checks import CheckOutcome, CheckReport, CheckStep
from libra_provider.clients.doctor.libra import check_libra
from libra_provider.clients.doctor.master import check_master
from libra_provider.clients.http.client import Client
from libra_provider.clients.http.credentials import BearerToken
from libra_provider.clients.http.transport import ServerAddress
from libra_provider.clients.standalone import rest as spark_master
from tests.fakes.libra import TOKEN, FakeLibra
from tests.fakes.pages import as_spark_3_5, environment_page, front_page
from tests.fakes.server import Answer, FakeServer, Request
from tests.fakes.spark_master import WORKER, FakeMaster

GOOD_SETTINGS = {"spark.deploy.maxDrivers": "7", "spark.deploy.recoveryMode": "FILESYSTEM"}


@dataclass
class Master(FakeMaster):
    """A fake master with the pages that only the doctor reads."""

    settings: dict[str, str] = field(default_factory=lambda: dict(GOOD_SETTINGS))
    pages: dict[str, Answer] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.page["id"] = WORKER
        self.disturb = self.doctors_page

    def doctors_page(self, request: Request) -> Answer | None:
        rest = f"127.0.0.1:{self.port}"
        usual = {
            "/": front_page("Spark Master at spark://127.0.0.1:7077", rest=rest),
            "/environment/": environment_page(self.settings),
        }
        return (usual | self.pages).get(request.path)


@pytest.fixture
def master() -> Iterator[Master]:
    with Master() as running:
        yield running


def examined(*urls: str, ui: str, token: str | None = None) -> CheckReport:
    addresses = [ServerAddress(url=url, authorization=BearerToken(token)) for url in urls]
    return check_master(addresses, master_url="spark://127.0.0.1:7077", ui_urls=[ui])


def of_master(master: FakeMaster, token: str | None = None) -> CheckReport:
    return examined(master.url, ui=master.url, token=token)


def step(found: CheckReport, name: str) -> CheckStep:
    return next(each for each in found.steps if each.name == name)


def test_a_healthy_master_is_ok_in_every_step(master: Master) -> None:
    found = of_master(master)

    assert {each.outcome for each in found.steps} == {CheckOutcome.OK}
    assert found.is_well
    assert found.sentence == (
        "The REST port of a Spark 4.3.0 master responds and is ready; "
        "1 worker alive with 4 cores and 4 GiB free."
    )


def test_the_doctor_only_reads(master: Master) -> None:
    of_master(master)

    assert {each.method for each in master.requests} == {"GET"}


def test_a_name_that_does_not_resolve_is_named_and_not_asked_again() -> None:
    found = examined("http://nowhere.invalid:6066", ui="http://nowhere.invalid:8080")

    assert not found.is_well
    assert "cannot resolve the host name nowhere.invalid" in found.sentence
    assert step(found, "ready").outcome is CheckOutcome.SKIPPED


def test_where_nothing_listens_the_masters_page_tells_the_right_rest_port(
    master: Master, closed_port: int
) -> None:
    found = examined(f"http://127.0.0.1:{closed_port}", ui=master.url)

    assert found.sentence == (
        f"http://127.0.0.1:{closed_port}: nothing listens on port {closed_port}; "
        f"set rest_port to {master.port}, the REST port of this master."
    )


def test_a_master_without_a_rest_port_is_told_to_open_one(master: Master, closed_port: int) -> None:
    master.pages["/"] = front_page("Spark Master at spark://127.0.0.1:7077")
    found = examined(f"http://127.0.0.1:{closed_port}", ui=master.url)

    assert "set spark.master.rest.enabled=true" in found.sentence


def test_a_master_that_names_the_closed_port_is_believed_to_be_starting(
    master: Master, closed_port: int
) -> None:
    title = "Spark Master at spark://127.0.0.1:7077"
    master.pages["/"] = front_page(title, rest=f"127.0.0.1:{closed_port}")
    found = examined(f"http://127.0.0.1:{closed_port}", ui=master.url)

    assert f"the master reports this port (127.0.0.1:{closed_port})" in found.sentence


@pytest.mark.parametrize("kind", ["Spark Master at spark://m:7077", "Spark Worker at m:7078"])
def test_a_web_page_of_spark_is_called_by_its_title(master: Master, kind: str) -> None:
    page = front_page(kind, rest=f"127.0.0.1:{master.port}" if "Master" in kind else None)
    with FakeServer(lambda _: page) as other:
        found = examined(other.url, ui=master.url)

    assert f"this is a web page titled {kind!r}" in found.sentence
    assert f"set rest_port to {master.port}" in found.sentence


def test_the_rpc_port_is_known_for_what_it_is(master: Master) -> None:
    with FakeServer(lambda _: Answer(hang_up=True)) as rpc:
        found = check_master(
            [ServerAddress(url=rpc.url)],
            master_url=f"spark://127.0.0.1:{rpc.port}",
            ui_urls=[master.url],
        )

    assert f"port {rpc.port} is the port of spark:// URLs" in found.sentence


def test_a_login_page_is_no_rest_port(master: Master) -> None:
    with FakeServer(lambda _: Answer(body="<html>Please log in</html>")) as proxy:
        found = examined(proxy.url, ui=master.url)

    assert "this is not a Spark REST port: HTTP 200, '<html>Please log in</html>'" in found.sentence


def test_a_refusal_is_about_access_and_names_the_secret(master: Master) -> None:
    master.pages["/v1/submissions/readyz"] = Answer(403, "<html>Forbidden</html>")
    found = of_master(master)

    assert step(found, "REST port").outcome is CheckOutcome.OK
    assert step(found, "access").outcome is CheckOutcome.FAILED
    assert "JWS secret key" in found.sentence


def test_a_secret_that_is_not_asked_for_is_said(master: Master) -> None:
    found = of_master(master, token="a-secret")

    assert "the master does not check the connection's secret" in step(found, "access").found


def test_a_secret_that_is_asked_for_is_seen_to_be(master: Master) -> None:
    usual = master.doctors_page

    def protected(request: Request) -> Answer | None:
        strange = "authorization" not in request.headers
        return Answer(403, "") if "/v1/" in request.path and strange else usual(request)

    master.disturb = protected
    found = of_master(master, token="a-secret")

    assert step(found, "access").found == "the connection's secret is required and valid"


def test_an_open_master_beyond_this_machine_is_a_warning(master: Master) -> None:
    # Linux takes this address for the machine itself; for the doctor it is anybody's.
    found = examined(f"http://0.0.0.0:{master.port}", ui=master.url)

    assert step(found, "access").outcome is CheckOutcome.WARNING
    assert (
        "anyone who can reach this port can run code on the cluster" in step(found, "access").found
    )
    assert found.is_well


def test_a_standby_is_not_ready_and_its_page_says_so(master: Master) -> None:
    said = {"action": "ErrorResponse", "message": "Master is not ready."}
    master.pages["/v1/submissions/readyz"] = Answer(503, said)
    master.page["status"] = "STANDBY"
    found = of_master(master)

    assert "the master accepts no submissions: Master is not ready;" in found.sentence
    assert step(found, "leader").found == "this master is STANDBY"


def test_a_dead_master_beside_a_ready_one_is_a_warning(master: Master, closed_port: int) -> None:
    found = examined(f"http://127.0.0.1:{closed_port}", master.url, ui=master.url)

    assert found.is_well
    assert [each.outcome for each in found.steps if each.name == "port"] == [
        CheckOutcome.WARNING,
        CheckOutcome.OK,
    ]
    assert found.sentence.endswith("1 warning, see libra doctor.")


def test_a_standby_beside_a_ready_master_is_as_it_should_be(master: Master) -> None:
    said = {"action": "ErrorResponse", "message": "Master is not ready."}
    with FakeServer(lambda _: Answer(503, said)) as standby:
        found = examined(standby.url, master.url, ui=master.url)

    assert step(found, "standby").outcome is CheckOutcome.OK
    assert found.sentence.startswith("The REST port of a Spark 4.3.0 master responds and is ready;")
    assert "warning" not in found.sentence


def test_no_living_worker_is_a_failure(master: Master) -> None:
    master.page["workers"] = []
    found = of_master(master)

    assert "none of 0 workers is alive" in found.sentence
    assert step(found, "recovery").outcome is CheckOutcome.OK


def test_an_unreachable_page_costs_facts_and_not_the_connection(
    master: Master, closed_port: int
) -> None:
    found = examined(master.url, ui=f"http://127.0.0.1:{closed_port}")

    assert found.is_well
    assert step(found, "web page").outcome is CheckOutcome.WARNING
    assert step(found, "version").found == "Spark 4.3.0"


def worker_at(url: str) -> dict[str, Any]:
    return {
        "id": "worker-2",
        "host": "w2",
        "webuiaddress": url,
        "state": "ALIVE",
        "coresfree": 2,
        "memoryfree": 1024,
    }


def test_an_unreachable_worker_page_is_a_warning(master: Master, closed_port: int) -> None:
    master.page["workers"] = [worker_at(f"http://127.0.0.1:{closed_port}")]
    found = of_master(master)

    assert step(found, "worker pages").outcome is CheckOutcome.WARNING
    assert "spark.ui.reverseProxy=true" in step(found, "worker pages").advice


def test_worker_pages_behind_the_masters_proxy_are_found(master: Master, closed_port: int) -> None:
    master.page["workers"] = [worker_at(f"http://127.0.0.1:{closed_port}")]
    master.pages["/proxy/worker-2/json/"] = Answer(
        body={"id": "worker-2", "masterurl": "spark://m:7077"}
    )
    found = of_master(master)

    assert step(found, "worker pages").found == (
        "they respond through the master (spark.ui.reverseProxy)"
    )


def test_a_worker_of_another_version_is_a_warning(master: Master) -> None:
    with FakeServer(lambda _: front_page("Spark Worker at m:7078", version="4.1.0")) as worker:
        master.page["workers"] = [worker_at(worker.url)]
        found = of_master(master)

    assert step(found, "version").found == "Spark 4.3.0 on the master and 4.1.0 on a worker"


def test_an_untested_version_is_a_warning(master: Master) -> None:
    said = {"action": "ReadyzResponse", "success": True, "serverSparkVersion": "5.0.0-SNAPSHOT"}
    master.pages["/v1/submissions/readyz"] = Answer(body=said)
    found = of_master(master)

    assert step(found, "version").outcome is CheckOutcome.WARNING


@pytest.mark.parametrize(
    ("settings", "name", "says"),
    [
        ({}, "number of drivers", "they can hold all cores and wait for each other"),
        ({}, "recovery", "a restarted master forgets its drivers"),
        (
            {"spark.master.rest.allowedAppResourcePatterns": "hdfs://.*"},
            "application files",
            "only application files that match hdfs://.* may be submitted",
        ),
    ],
)
def test_settings_that_surprise_one_day_are_warnings(
    master: Master, settings: dict[str, str], name: str, says: str
) -> None:
    master.settings = settings
    found = of_master(master)

    assert step(found, name).outcome is CheckOutcome.WARNING
    assert says in step(found, name).found
    assert found.is_well


def test_a_master_that_forgets_within_minutes_is_a_warning(master: Master) -> None:
    master.settings["spark.deploy.retainedDrivers"] = "2"
    ended = {"id": "driver-1", "state": "FINISHED", "cores": 1, "memory": 1024}
    now = str(int(time.time() * 1000))
    master.page["completeddrivers"] = [ended | {"starttime": now}] * 2
    found = of_master(master)

    assert step(found, "retained drivers").outcome is CheckOutcome.WARNING
    assert (
        "the master retains 2 ended drivers, currently 2" in step(found, "retained drivers").found
    )


def test_spark_3_5_works_and_what_it_lacks_is_said(master: Master) -> None:
    usual = master.doctors_page
    master.disturb = lambda request: as_spark_3_5(request) or usual(request)
    found = of_master(master)

    assert found.is_well
    assert "Spark before 4.0 does not report whether it is ready" in step(found, "ready").found
    assert "Spark 3.5.7 is outside the tested range 4.0 to 4.3" in step(found, "version").found
    assert step(found, "recovery").outcome is CheckOutcome.SKIPPED


def test_spark_3_5_is_greeted_before_a_submission(master: Master) -> None:
    master.disturb = as_spark_3_5
    client = Client([ServerAddress(url=master.url)])
    answer = client.send(spark_master.ready())
    client.close()

    assert answer.spark_version == "3.5.7"


def test_a_port_that_never_answers_does_not_hold_the_doctor_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        found = check_master(
            [ServerAddress(url=url)],
            master_url="spark://127.0.0.1:7077",
            ui_urls=[url],
            visit=checks.Probe(checks.CheckTiming(total=0.3)),
        )

    assert "the request was sent, but the response timed out" in found.sentence
    assert not found.is_well


def test_what_was_not_reached_in_time_is_not_well() -> None:
    def too_late() -> checks.Finding:
        visit = checks.Probe(checks.CheckTiming(total=0))
        return checks.Finding(CheckOutcome.OK, str(visit.share()))

    found = CheckReport(checks.in_turn("http://m", {"ready": too_late}), headlines=("ready",))

    assert not found.is_well
    assert found.sentence == "http://m: not reached: the check timed out after 0 s."


@pytest.fixture
def libra() -> Iterator[FakeLibra]:
    with FakeLibra() as running:
        yield running


def of_libra(url: str, token: str | None = TOKEN) -> CheckReport:
    return check_libra(ServerAddress(url=url, authorization=BearerToken(token)))


def test_a_healthy_libra_is_well(libra: FakeLibra) -> None:
    found = of_libra(libra.url)

    assert found.is_well
    assert found.sentence.startswith("Libra (Spark 4.3.0, spark://m:7077) responds")
    assert step(found, "access").found == "the connection's token is required and valid"


def test_a_wrong_token_is_about_access(libra: FakeLibra) -> None:
    found = of_libra(libra.url, token="wrong")

    assert step(found, "Libra").outcome is CheckOutcome.OK
    assert "set the password to Libra's token" in found.sentence


def test_a_libra_without_spark_says_why(libra: FakeLibra) -> None:
    spark = {"status": "ERROR", "error": "the master spark://m:7077 does not answer"}
    libra.disturb = lambda _: Answer(body={"service": "whereq-libra", "spark": spark})
    found = of_libra(libra.url)

    assert step(found, "driver").outcome is CheckOutcome.FAILED
    assert "its Spark driver is down: the master spark://m:7077 does not answer" in found.sentence


def airflow(_: Request) -> Answer:
    return Answer(404, {"error": "/api/v1 has been removed in Airflow 3"})


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (airflow, "this is not Libra: HTTP 404"),
        (lambda _: front_page("Spark Master at spark://m:7077"), "titled 'Spark Master at"),
        (
            lambda _: Answer(468, {"action": "ErrorResponse", "message": "Unknown protocol"}),
            "this is the REST port of a Spark master, not Libra",
        ),
    ],
)
def test_others_are_told_from_libra(answer: Callable[[Request], Answer], says: str) -> None:
    with FakeServer(answer) as other:
        found = of_libra(other.url)

    assert says in found.sentence
    assert not found.is_well


def test_the_old_contract_is_a_warning(libra: FakeLibra) -> None:
    spark = {"status": "CONNECTED", "version": "3.5.0", "master": "local[*]"}
    libra.disturb = lambda _: Answer(body={"service": "whereq-libra", "spark": spark})
    found = of_libra(libra.url)

    assert found.is_well
    assert step(found, "version").outcome is CheckOutcome.WARNING
    assert step(found, "queue").outcome is CheckOutcome.SKIPPED
