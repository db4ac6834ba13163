"""A submission whose answer is lost, at a real master: the driver is found by its tag."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

from libra_provider.clients.http.client import Client
from libra_provider.clients.http.transport import ServerAddress
from libra_provider.clients.standalone import pages
from libra_provider.cluster.standalone import StandaloneCluster
from libra_provider.operators import SparkClusterJobOperator
from tests.fakes.connections import connect
from tests.fakes.proxy import LOST_ANSWER, LOST_REQUEST, PASSES, Fate, Proxy, delayed
from tests.fakes.task_runner import TaskRunner

# A driver that is no application costs a JVM, and nothing else.
MAIN = """
public class Adopted {
  public static void main(String[] args) throws Exception { Thread.sleep(2000); }
}
"""


@pytest.fixture(scope="module")
def jar(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("adopted")
    (folder / "Adopted.java").write_text(MAIN)
    subprocess.run(["javac", "Adopted.java"], check=True, cwd=folder)
    subprocess.run(["jar", "cf", "adopted.jar", "Adopted.class"], check=True, cwd=folder)
    return str(folder / "adopted.jar")


@pytest.fixture
def adopted(cluster: StandaloneCluster) -> Callable[[], set[str]]:
    """The drivers of this module's class that the master has known since the test began."""
    client = Client([ServerAddress(url=cluster.ui_url)])

    def drivers() -> set[str]:
        found = client.send(pages.cluster())
        every = [*found.drivers, *found.ended_drivers]
        return {each.driver_id for each in every if each.main_class == "Adopted"}

    before = drivers()
    return lambda: drivers() - before


def run(cluster: StandaloneCluster, runner: TaskRunner, jar: str, fate: Fate) -> Any:
    """Run a task whose first creation has *fate*."""
    fates = iter([fate])
    port = urlsplit(cluster.rest_url).port
    assert port is not None
    with Proxy(port, lambda each: next(fates, PASSES) if each.creates else PASSES) as proxy:
        extra = {"rest_urls": proxy.url, "ui_urls": cluster.ui_url, "timeout": "2 s"}
        host, master_port = urlsplit(cluster.master_url).hostname, urlsplit(cluster.master_url).port
        connect(
            "spark_master_default",
            conn_type="spark_master",
            host=host,
            port=master_port,
            extra=extra,
        )
        task = SparkClusterJobOperator(
            task_id="etl",
            application=f"local:{jar}",
            java_class="Adopted",
            conf={"spark.driver.memory": "512m", "spark.cores.max": 1},
            poll_interval=0.5,
        )
        return runner.run(task)


def test_a_real_driver_is_found_by_its_tag_when_the_answer_to_its_creation_is_lost(
    cluster: StandaloneCluster, jar: str, adopted: Callable[[], set[str]]
) -> None:
    runner = TaskRunner()
    result = run(cluster, runner, jar, LOST_ANSWER)

    assert result.state == "success"
    assert adopted() == {runner.xcoms["job"]["job_id"]}


@pytest.mark.slow
@pytest.mark.parametrize(
    "fate", [LOST_REQUEST, delayed(5)], ids=["lost request", "delayed beyond the timeout"]
)
def test_a_real_master_makes_one_driver_whatever_becomes_of_the_request(
    cluster: StandaloneCluster, jar: str, adopted: Callable[[], set[str]], fate: Fate
) -> None:
    runner = TaskRunner()
    result = run(cluster, runner, jar, fate)

    assert result.state == "success"
    assert adopted() == {runner.xcoms["job"]["job_id"]}
