"""One JAR that leaves evidence, and the servers' own view of what ran."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from libra_provider.cluster.libra import LocalLibra
from libra_provider.cluster.standalone import StandaloneCluster
from tests.airflow.morning import Servers, leaving_jar, servers_of


@pytest.fixture(scope="session")
def jar(tmp_path_factory: pytest.TempPathFactory) -> str:
    return leaving_jar(tmp_path_factory.mktemp("leaves"))


@pytest.fixture(scope="session")
def servers(libra: LocalLibra, cluster: StandaloneCluster) -> Iterator[Servers]:
    with servers_of(libra, cluster) as found:
        yield found
