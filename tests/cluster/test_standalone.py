"""The cluster is real, whole, on the loopback, and gone afterwards."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from libra_provider.cluster.http_probe import fetch_json
from libra_provider.cluster.java import java_home
from libra_provider.cluster.ports import free_port, with_free_ports
from libra_provider.cluster.process import ManagedProcess
from libra_provider.cluster.standalone import StandaloneCluster, spark_environment
from libra_provider.core.errors import BadInput, ServerUnreachable

HOW_TO_GET = "Spark requires Java 17 or newer: 'apt-get install openjdk-17-jdk-headless'"


def listeners(process: ManagedProcess) -> set[str]:
    """The hexadecimal addresses *process* listens on."""
    opened = Path(f"/proc/{process.pid}/fd").iterdir()
    links = [str(each.readlink()) for each in opened if each.is_symlink()]
    inodes = {link[8:-1] for link in links if link.startswith("socket:[")}
    rows = [
        line.split()
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/{process.pid}/net/{table}").read_text().splitlines()[1:]
    ]
    listening = "0A"
    return {row[1].split(":")[0] for row in rows if row[3] == listening and row[9] in inodes}


def test_master_and_worker_listen_on_the_loopback_only(cluster: StandaloneCluster) -> None:
    loopback = {"0100007F", "0000000000000000FFFF00000100007F"}

    assert listeners(cluster.master) <= loopback
    assert listeners(cluster.workers[0]) <= loopback
    assert listeners(cluster.master)


def test_the_worker_offers_what_was_asked_for(cluster: StandaloneCluster) -> None:
    said = fetch_json(f"{cluster.ui_url}/json/", timeout=60)

    assert said["url"] == cluster.master_url
    assert [(each["cores"], each["memory"]) for each in said["workers"]] == [(6, 6 * 1024)]
    assert said["workers"][0]["webuiaddress"] == cluster.workers[0].url


def test_the_connection_says_where_rest_and_pages_are(cluster: StandaloneCluster) -> None:
    connection = cluster.connection()
    rest = f"http://{connection['host']}:{connection['extra']['rest_port']}"

    assert rest == cluster.rest_url
    assert f"spark://{connection['host']}:{connection['port']}" == cluster.master_url
    assert connection["extra"]["ui_urls"] == cluster.ui_url


def test_a_given_port_that_is_taken_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]

        with pytest.raises(BadInput, match=f"rest_port={port}: .*choose another port"):
            StandaloneCluster(home=tmp_path, rest_port=port).start()
    assert list(tmp_path.iterdir()) == []


def test_a_master_that_loses_its_rest_port_is_no_success(tmp_path: Path) -> None:
    """Spark itself lives on: a master without REST, STANDBY for ever."""
    cluster = StandaloneCluster(home=tmp_path)
    cluster.home, cluster._environment = tmp_path, spark_environment(java_home(), tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as holder:
        taken = holder.getsockname()[1]

        with pytest.raises(ServerUnreachable, match=f"another process uses its port.*{taken}"):
            cluster._start_master([free_port(), taken, free_port()])


def test_a_port_taken_meanwhile_is_replaced_by_another() -> None:
    tried: list[int] = []

    def start(ports: list[int]) -> int:
        tried.extend(ports)
        if len(tried) < 3:
            raise ServerUnreachable("Spark master", "java.net.BindException: Failed to bind to …")
        return ports[0]

    assert with_free_ports(start, 1) == tried[2]
    assert len(set(tried)) == 3


def test_nothing_is_left_when_the_process_that_made_the_cluster_is_killed() -> None:
    maker = """
import time
from libra_provider.cluster.standalone import StandaloneCluster, spark_environment
cluster = StandaloneCluster(cores=1, memory="1g").start()
print(cluster.master.pid, cluster.workers[0].pid, cluster.home, flush=True)
time.sleep(600)
"""
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", maker]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as process:
        assert process.stdout
        *pids, home = process.stdout.readline().split()
        started = [Path(f"/proc/{pid}/cmdline").read_text() for pid in pids]
        process.kill()
    gives_up_at = time.monotonic() + 120
    while any(Path(f"/proc/{pid}").exists() for pid in pids) and time.monotonic() < gives_up_at:
        time.sleep(0.1)
    shutil.rmtree(home)

    assert all("org.apache.spark.deploy" in line for line in started)
    assert [pid for pid in pids if Path(f"/proc/{pid}").exists()] == []


def test_a_missing_java_is_one_sentence_that_says_how_to_get_it(tmp_path: Path) -> None:
    os.environ["JAVA_HOME"] = str(tmp_path)

    with pytest.raises(BadInput) as refusal:
        StandaloneCluster().start()

    assert str(refusal.value) == (
        f"Invalid JAVA_HOME={str(tmp_path)!r}: no java was found in {tmp_path}/bin. {HOW_TO_GET}."
    )


@pytest.mark.parametrize(
    ("modules", "problem"),
    [
        ("java.base@11.0.2\njdk.incubator.vector@11.0.2", "this is Java 11"),
        ("java.base@17.0.2", "it lacks the module jdk.incubator.vector"),
        (
            "Unrecognized option: --list-modules",
            "its version is unknown, so it is older than Java 9",
        ),
    ],
)
def test_a_java_that_does_not_fit_is_refused_with_the_reason(
    tmp_path: Path, modules: str, problem: str
) -> None:
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text(f"#!/bin/sh\necho '{modules}'\n")
    java.chmod(0o755)
    os.environ["JAVA_HOME"] = str(tmp_path)

    with pytest.raises(BadInput, match=re.escape(f"{problem}. {HOW_TO_GET}")):
        java_home()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"workers": -1}, "Invalid workers=-1: expected at least 0"),
        ({"cores": 0}, "Invalid cores=0: expected at least 1"),
        ({"memory": "4"}, "Invalid memory='4'"),
    ],
)
def test_a_cluster_of_an_impossible_size_is_refused(
    options: dict[str, object], message: str
) -> None:
    with pytest.raises(BadInput, match=re.escape(message)):
        StandaloneCluster(**options)  # type: ignore[arg-type]  # wrong on purpose
