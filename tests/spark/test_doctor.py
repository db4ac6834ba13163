"""The doctor before real servers, well and ill."""

from __future__ import annotations

import base64
import json
import os
import threading
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from libra_provider.clients.doctor.checks import CheckOutcome, CheckReport, Probe
from libra_provider.clients.doctor.libra import check_libra
from libra_provider.clients.doctor.master import check_master
from libra_provider.clients.http.credentials import BearerToken, jws
from libra_provider.clients.http.transport import ServerAddress
from libra_provider.clients.standalone import pages
from libra_provider.cluster.libra import LocalLibra
from libra_provider.cluster.standalone import StandaloneCluster
from libra_provider.hooks import LibraHook, SparkMasterHook
from tests.spark.masters import Masters
from tests.spark.statements import WAIT
from tests.spark.statements import Client as StatementsClient

SETTINGS = {
    "spark.deploy.retainedDrivers": "33",
    "spark.deploy.maxDrivers": "7",
    "spark.deploy.recoveryMode": "FILESYSTEM",
    # Seconds; in them, however busy the machine is, somebody looks at a master that recovers.
    "spark.deploy.recoveryTimeout": "15",
    "spark.master.rest.allowedAppResourcePatterns": "file:.*,<none>",
    "spark.ui.reverseProxy": "true",
}


KEY, OTHER_KEY = (base64.urlsafe_b64encode(letter * 32).decode() for letter in (b"k", b"o"))
SIGNED = {
    "spark.master.rest.filters": "org.apache.spark.ui.JWSFilter",
    "spark.org.apache.spark.ui.JWSFilter.param.secretKey": KEY,
}


def examined(cluster: StandaloneCluster, rest_url: str | None = None) -> CheckReport:
    return check_master(
        [ServerAddress(url=rest_url or cluster.rest_url)],
        master_url=cluster.master_url,
        ui_urls=[cluster.ui_url],
    )


def found(examination: CheckReport, name: str) -> str:
    return next(each.found for each in examination.steps if each.name == name)


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandaloneCluster]:
    """A cluster with everything set that the doctor looks for."""
    folder = {"spark.deploy.recoveryDirectory": str(tmp_path_factory.mktemp("recovery"))}
    with StandaloneCluster(cores=2, memory="1g", properties=SETTINGS | folder) as running:
        yield running


def test_a_real_cluster_passes_every_step(cluster: StandaloneCluster) -> None:
    examination = examined(cluster)
    outcomes = {each.name: each.outcome for each in examination.steps}

    assert examination.is_well
    assert CheckOutcome.SKIPPED not in outcomes.values()
    assert {name for name, outcome in outcomes.items() if outcome is not CheckOutcome.OK} <= {
        *("number of drivers", "recovery"),
        "workers",  # other tests may hold all cores just now
    }
    assert found(examination, "version") == "Spark 4.3.0, as on the workers"
    assert found(examination, "retained drivers").startswith("the master retains 200 ended drivers")


def test_every_wrong_port_of_a_real_cluster_is_told_by_its_kind(
    cluster: StandaloneCluster, libra: LocalLibra
) -> None:
    rpc = cluster.master_url.replace("spark:", "http:")
    right = f"set rest_port to {urlsplit(cluster.rest_url).port}, the REST port of this master"
    sentences = [
        examined(cluster, url).sentence
        for url in (rpc, cluster.ui_url, str(cluster.workers[0].url), libra.url)
    ]

    assert "is the port of spark:// URLs, which is not HTTP" in sentences[0]
    assert "this is a web page titled 'Spark Master at spark://" in sentences[1]
    assert "this is a web page titled 'Spark Worker at " in sentences[2]
    assert "this is not a Spark REST port: HTTP 401" in sentences[3]
    assert all(right in each for each in sentences)


def test_a_real_libra_passes_every_step(
    cluster: StandaloneCluster, libra: LocalLibra, api: StatementsClient
) -> None:
    epoch = api.submit("SELECT 1", WAIT)["driver"]["epoch"]
    examination = check_libra(ServerAddress(url=libra.url, authorization=BearerToken(libra.token)))

    assert {each.outcome for each in examination.steps} == {CheckOutcome.OK}
    assert examination.sentence == f"Libra (Spark 4.3.0, {cluster.master_url}) responds."
    assert f"driver number {epoch} since" in found(examination, "driver number")


def test_what_is_not_libra_is_told_by_its_kind(cluster: StandaloneCluster) -> None:
    rest = check_libra(ServerAddress(url=cluster.rest_url))
    page = check_libra(ServerAddress(url=cluster.ui_url))

    assert "this is the REST port of a Spark master, not Libra" in rest.sentence
    assert "not Libra but a web page titled 'Spark Master at" in page.sentence


def test_airflows_test_button_says_what_the_doctor_says(
    cluster: StandaloneCluster, libra: LocalLibra
) -> None:
    os.environ["AIRFLOW_CONN_LIBRA_DEFAULT"] = json.dumps(libra.connection())
    os.environ["AIRFLOW_CONN_SPARK_MASTER_DEFAULT"] = json.dumps(cluster.connection())
    wrong = cluster.connection() | {"extra": {"rest_urls": cluster.ui_url}}
    os.environ["AIRFLOW_CONN_WRONG"] = json.dumps(wrong)
    master, wrong_port = (
        SparkMasterHook().test_connection(),
        SparkMasterHook("wrong").test_connection(),
    )

    assert LibraHook().test_connection() == (
        True,
        f"Libra (Spark 4.3.0, {cluster.master_url}) responds.",
    )
    assert master[0]
    assert master[1].startswith(
        "The REST port of a Spark 4.3.0 master responds and is ready; 1 worker alive with "
    )
    assert not wrong_port[0]
    assert "this is a web page titled 'Spark Master at" in wrong_port[1]


def test_the_settings_of_a_real_master_are_read_from_its_page(furnished: StandaloneCluster) -> None:
    examination = examined(furnished)

    assert (
        found(examination, "retained drivers") == "the master retains 33 ended drivers, currently 0"
    )
    assert "at most 7 drivers" in found(examination, "number of drivers")
    assert "recoveryMode=FILESYSTEM" in found(examination, "recovery")
    assert "that match file:.*,<none> may be" in found(examination, "application files")


def test_a_real_reverse_proxy_leads_to_the_workers_page(furnished: StandaloneCluster) -> None:
    visit = Probe()
    page = ServerAddress(url=furnished.ui_url)
    worker = visit.ask(page, pages.cluster()).alive[0]
    proxied = ServerAddress(url=f"{furnished.ui_url}/proxy/{worker.worker_id}")

    assert visit.ask(proxied, pages.worker_page()) == worker.worker_id


def test_a_recovering_master_is_not_well_and_says_why(furnished: StandaloneCluster) -> None:
    # The worker after the master, which would strike it off its list.
    furnished.master.kill()
    furnished.workers[0].kill()
    # It is started only when it leads again, so others look meanwhile.
    again = threading.Thread(target=furnished.master.start)
    again.start()
    try:
        said = until_said(furnished, "this master is RECOVERING")
    finally:
        again.join()

    assert said


def until_said(cluster: StandaloneCluster, what: str) -> bool:
    deadline = time.monotonic() + 300
    while what not in examined(cluster).sentence:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def of_masters(masters: Masters, order: slice, key: str | None = None) -> CheckReport:
    return check_master(
        [ServerAddress(url=url, authorization=jws(key)) for url in masters.rest_urls[order]],
        master_url=masters.master_url,
        ui_urls=masters.ui_urls[order],
    )


@pytest.mark.slow
def test_a_master_that_wants_signatures_is_told_from_one_that_takes_them() -> None:
    with Masters(SIGNED) as masters:
        masters.add()
        unsigned, wrong, right = (
            of_masters(masters, slice(None), key) for key in (None, OTHER_KEY, KEY)
        )

    assert "it requires signed requests" in unsigned.sentence
    assert "is not the master's JWS secret key" in wrong.sentence
    assert found(right, "access") == "the connection's secret is required and valid"
    assert KEY not in repr(right)
    assert "none of 0 workers is alive" in right.sentence


@pytest.mark.slow
def test_a_real_standby_is_well_beside_its_leader_and_ill_alone() -> None:
    with Masters().with_zookeeper() as masters:
        masters.add()
        masters.add("STANDBY")
        masters.add_worker()
        together = of_masters(masters, slice(None, None, -1))
        alone = of_masters(masters, slice(1, None))

    assert together.is_well
    assert found(together, "standby") == "standby: another master responds"
    assert "the master accepts no submissions: Master is not ready" in alone.sentence
    assert found(alone, "leader") == "this master is STANDBY"
