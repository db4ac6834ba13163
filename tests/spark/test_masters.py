"""Masters that fail over, and masters that want to know who asks: real ones."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from libra_provider.clients.http.client import Client
from libra_provider.clients.http.credentials import JwsSecret
from libra_provider.clients.http.transport import ServerAddress
from libra_provider.clients.standalone import pages, rest
from libra_provider.clients.stop import kill_and_verify
from libra_provider.cluster.ports import free_ports
from libra_provider.core.errors import AccessDenied, ServerBusy, ServerError
from libra_provider.core.job import SparkJob, new_tag
from libra_provider.core.polling import Outcome, PollingPolicy, Watch, utc_now
from libra_provider.core.states import JobState
from libra_provider.hooks import SparkMasterHook
from libra_provider.hooks.watch import watch
from tests.fakes.tls import Authority, TlsFront
from tests.spark.masters import Masters

SECRET = base64.urlsafe_b64encode(bytes(range(200, 232))).decode()
FILTER = "org.apache.spark.ui.JWSFilter"
SIGNED = {
    "spark.master.rest.filters": FILTER,
    f"spark.{FILTER}.param.secretKey": SECRET,
}
# It prints the masters it was given, and ends when the second file is there.
WAITS = """
import java.nio.file.*;
public class Waits {
  public static void main(String[] args) throws Exception {
    Files.writeString(Path.of(args[0]), System.getProperty("spark.master"));
    while (!Files.exists(Path.of(args[1]))) Thread.sleep(50);
  }
}
"""


@dataclass
class Waiting:
    """A driver that runs until it is released."""

    job: SparkJob
    said: Path
    gate: Path

    def release(self) -> None:
        self.gate.touch()


@pytest.fixture(scope="module")
def jar(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("jar")
    (folder / "Waits.java").write_text(WAITS)
    subprocess.run(["javac", "-d", str(folder), str(folder / "Waits.java")], check=True)
    command = ["jar", "cf", str(folder / "waits.jar"), "-C", str(folder), "Waits.class"]
    subprocess.run(command, check=True)
    return str(folder / "waits.jar")


@pytest.fixture
def waiting(jar: str, tmp_path: Path) -> Iterator[Waiting]:
    said, gate = tmp_path / "said", tmp_path / "gate"
    job = SparkJob.from_application(
        jar,
        java_class="Waits",
        application_args=[str(said), str(gate)],
        conf={"spark.driver.memory": "256m", "spark.cores.max": "1"},
    )
    yield Waiting(job, said, gate)
    gate.touch()


def hook_of(masters: Masters, *, password: str | None = None, **extra: Any) -> SparkMasterHook:
    """A hook whose connection names all of *masters*, the last one first."""
    connection = {
        "conn_type": "spark_master",
        "host": ",".join(f"127.0.0.1:{port}" for port in reversed(masters.ports)),
        "password": password,
        "extra": {
            "rest_urls": list(reversed(masters.rest_urls)),
            "ui_urls": list(reversed(masters.ui_urls)),
            **extra,
        },
    }
    os.environ["AIRFLOW_CONN_SPARK_MASTER_DEFAULT"] = json.dumps(connection)
    return SparkMasterHook()


def eventually(true: Callable[[], object], within: float = 300.0) -> None:
    gives_up_at = time.monotonic() + within
    while not true():
        assert time.monotonic() < gives_up_at
        time.sleep(0.2)


def running(hook: SparkMasterHook, driver_id: str) -> bool:
    try:
        return hook.status(driver_id).state is JobState.RUNNING
    except ServerError:
        return False


def watched(hook: SparkMasterHook, driver_id: str) -> Outcome:
    """As an operator watches: with patience, and never taking silence for an end."""
    patience = PollingPolicy(poll_interval=0.5, silence=600)
    return watch(hook, hook.view(driver_id), Watch(driver_id, patience, utc_now()))


@pytest.fixture(scope="module")
def elected() -> Iterator[Masters]:
    """Two masters, of which a real ZooKeeper lets the first one lead, and a worker."""
    with Masters().with_zookeeper() as masters:
        masters.add("ALIVE")
        masters.add("STANDBY")
        masters.add_worker()
        yield masters


def test_a_standby_says_so_to_every_question(elected: Masters, waiting: Waiting) -> None:
    """Its "no such driver" would otherwise make a running driver lost."""
    standby = Client([ServerAddress(url=elected.rest_urls[1])])
    driver_id = "driver-20261120082239-0000"
    create = rest.submit(waiting.job, new_tag(), master=elected.master_url)
    status, kill = rest.status(driver_id), rest.kill(driver_id)
    for call in (create, status, kill):
        with pytest.raises(ServerBusy, match="this master is STANDBY"):
            standby.send(call)
    with pytest.raises(ServerBusy, match="Master is not ready"):
        standby.send(rest.ready())
    standby.close()


def test_a_standby_takes_over_under_a_running_driver(elected: Masters, waiting: Waiting) -> None:
    hook = hook_of(elected)
    hook.greet()
    driver_id = hook.submit(waiting.job, new_tag()).job_id
    eventually(waiting.said.exists)
    assert hook.server_url == elected.rest_urls[0]

    with ThreadPoolExecutor() as pool:
        outcome = pool.submit(watched, hook_of(elected), driver_id)
        elected.processes[0].kill()
        eventually(lambda: running(hook, driver_id))
        assert hook.server_url == elected.rest_urls[1]
        assert elected.states() == [None, "ALIVE"]
        waiting.release()

        assert outcome.result(300).status.state is JobState.SUCCEEDED

    assert waiting.said.read_text() == "spark://" + ",".join(
        f"127.0.0.1:{port}" for port in reversed(elected.ports)
    )
    assert kill_and_verify(hook, driver_id).state is JobState.SUCCEEDED
    hook.close()


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Masters]:
    """A master that wants signatures and remembers its drivers, and a worker."""
    recovery = {
        "spark.deploy.recoveryMode": "FILESYSTEM",
        "spark.deploy.recoveryDirectory": str(tmp_path_factory.mktemp("recovery")),
    }
    with Masters({**SIGNED, **recovery}) as masters:
        masters.add()
        masters.add_worker()
        yield masters


def test_a_master_that_is_killed_and_comes_back_still_has_its_driver(
    signed: Masters, waiting: Waiting
) -> None:
    hook = hook_of(signed, password=SECRET)
    driver_id = hook.submit(waiting.job, new_tag()).job_id
    eventually(lambda: running(hook, driver_id))

    with ThreadPoolExecutor() as pool:
        outcome = pool.submit(watched, hook_of(signed, password=SECRET), driver_id)
        signed.processes[0].kill()
        time.sleep(1)  # long enough for the watch to see that no master responds
        signed.processes[0].start()
        eventually(lambda: running(hook, driver_id))
        waiting.release()

        assert outcome.result(300).status.state is JobState.SUCCEEDED
    hook.close()


def test_the_first_entry_may_be_dead(signed: Masters, waiting: Waiting, closed_port: int) -> None:
    urls = [f"http://127.0.0.1:{closed_port}", *signed.rest_urls]
    hook = hook_of(signed, password=SECRET, rest_urls=urls)
    hook.greet()
    driver_id = hook.submit(waiting.job, new_tag()).job_id
    eventually(lambda: running(hook, driver_id))

    assert kill_and_verify(hook, driver_id).state is JobState.KILLED
    hook.close()


OTHER = base64.urlsafe_b64encode(b"x" * 32).decode()


@pytest.mark.parametrize(
    ("password", "sentence"),
    [(OTHER, "is not the master's JWS secret key"), (None, "it requires signed requests")],
    ids=["wrong", "missing"],
)
def test_every_verb_is_refused_without_the_right_signature(
    signed: Masters, waiting: Waiting, password: str | None, sentence: str
) -> None:
    hook = hook_of(signed, password=password)
    driver_id = "driver-20261120082239-0000"
    for verb in (
        hook.greet,
        lambda: hook.submit(waiting.job, new_tag()),
        lambda: hook.status(driver_id),
        lambda: hook.kill(driver_id),
    ):
        with pytest.raises(AccessDenied, match=sentence):
            verb()
    hook.close()


def libra(masters: Masters, *arguments: str, secret: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "LIBRA_MASTER": masters.master_url,
        "LIBRA_MASTER_REST": masters.rest_urls[0],
        "LIBRA_MASTER_UI": masters.ui_urls[0],
        "LIBRA_MASTER_SECRET": secret,
    }
    words = [sys.executable, "-m", "libra_provider.cli", *arguments]
    return subprocess.run(words, env=environment, capture_output=True, text=True, check=False)


def test_the_command_signs_all_that_it_sends(signed: Masters, jar: str, tmp_path: Path) -> None:
    application = ["--class", "Waits", jar, str(tmp_path / "said"), str(tmp_path / "gate")]
    conf = ["--conf", "spark.driver.memory=256m", "--conf", "spark.cores.max=1"]
    submitted = libra(signed, "submit", "--no-wait", *conf, *application, secret=SECRET)
    driver_id = submitted.stdout.strip()
    status = libra(signed, "status", driver_id, secret=SECRET)
    killed = libra(signed, "kill", driver_id, secret=SECRET)
    refused = libra(signed, "status", driver_id, secret=OTHER)

    assert driver_id in status.stdout
    assert killed.stderr == f"{driver_id} ended: killed\n"
    assert refused.returncode == 1
    assert "is not the master's JWS secret key" in refused.stderr
    assert not any(SECRET[:-1] in each.stdout + each.stderr for each in (submitted, status, killed))


def test_an_expired_signature_is_refused(signed: Masters, monkeypatch: pytest.MonkeyPatch) -> None:
    """A recorded request is of no use later, by the master's clock."""
    then = time.time() - 3600
    monkeypatch.setattr(time, "time", lambda: then)
    address = ServerAddress(url=signed.rest_urls[0], authorization=JwsSecret(SECRET))
    with pytest.raises(AccessDenied, match="or the clocks of the two machines differ by minutes"):
        Client([address]).send(rest.ready())


def test_a_master_behind_tls_takes_submissions(
    signed: Masters, waiting: Waiting, tmp_path: Path
) -> None:
    """Spark's REST port has no TLS: a proxy in front of it does."""
    authority = Authority(tmp_path / "authority")
    port = urlsplit(signed.rest_urls[0]).port
    assert port
    with TlsFront(port, authority.chain) as front:
        extra = {"rest_urls": front.url, "verify": str(authority.ca)}
        hook = hook_of(signed, password=SECRET, **extra)
        hook.greet()
        driver_id = hook.submit(waiting.job, new_tag()).job_id
        waiting.release()
        outcome = watched(hook, driver_id)
        hook.close()

    assert outcome.status.state is JobState.SUCCEEDED


@pytest.mark.slow
def test_a_masters_own_tls_is_spoken_with_its_pages(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    (port,) = free_ports(1)
    tls = {
        "enabled": "true",
        "port": str(port),
        "keyStore": str(authority.keystore),
        "keyStoreType": "PKCS12",
        "keyStorePassword": authority.PASSWORD,
        "keyPassword": authority.PASSWORD,
        "protocol": "TLSv1.3",
    }
    with Masters({f"spark.ssl.standalone.{key}": value for key, value in tls.items()}) as masters:
        masters.add(status="")
        page = ServerAddress(url=f"https://127.0.0.1:{port}", verify=str(authority.ca))
        client = Client([page])
        eventually(lambda: client.send(pages.cluster()).status == "ALIVE")
        client.close()
