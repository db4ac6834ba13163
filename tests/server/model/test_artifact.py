"""How statements name artifacts, and where their drivers find them."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from libra_provider.core.errors import BadInput
from libra_provider.core.polling import utc_now
from libra_provider.server.api.schemas.statements import StatementRequest
from libra_provider.server.api.validation import spec_of
from libra_provider.server.artifacts.in_use import hold, needed
from libra_provider.server.files import artifacts_of
from libra_provider.server.isolated_settings import IsolatedSettings
from libra_provider.server.ledger.ledger import Ledger
from libra_provider.server.model.artifact import Artifact
from libra_provider.server.model.statement import State, Statement, StatementSpec
from libra_provider.server.runners.job import job_of
from libra_provider.server.settings import Settings
from libra_provider.server.signed_urls import SignedPath, Signer
from tests.server.artifacts.test_store import put, sha256, stored
from tests.server.conftest import MakeLibra
from tests.server.running import RunningLibra
from tests.server.test_retention import in_the_end

DATA = b"print('flights')\n"
NAMED = f"artifact:{sha256(DATA)}/etl.py"
PATH = "/api/v1/sessions/default/statements"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A Libra that has the artifact."""
    found = Settings(data_dir=tmp_path, master="spark://h:7077", public_url="https://libra:8990")
    found.artifacts_dir.mkdir()
    (found.artifacts_dir / sha256(DATA)).write_bytes(DATA)
    return found


def spec(settings: Settings, **given: Any) -> StatementSpec:
    body = {"kind": "python-file", "filePath": NAMED, **given}
    return spec_of("default", StatementRequest.model_validate(body), settings, old=False)


def statement(spec: StatementSpec) -> Statement:
    return Statement(
        job_id=secrets.token_hex(16), spec=spec, state=State.RUNNING, submitted_at=utc_now()
    )


def test_beside_libra_a_driver_gets_a_file_of_that_name(settings: Settings, tmp_path: Path) -> None:
    archive = f"{NAMED.replace('.py', '.zip')}#env"
    given = spec(settings, sparkConfig={"spark.archives": f"http://h/a.zip, {archive}"})
    job = job_of(statement(given), settings, folder=tmp_path / "work")
    there, ours = job.conf["spark.archives"].split(",")
    path, sharp, alias = ours.partition("#")

    assert job.application
    assert Path(job.application).name == "etl.py"
    assert Path(job.application).is_relative_to(tmp_path / "work")
    assert Path(job.application).read_bytes() == DATA
    assert (there, Path(path).name, sharp + alias) == ("http://h/a.zip", "etl.zip", "#env")
    assert Path(path).read_bytes() == DATA


def test_a_file_beside_libra_is_no_link_that_python_would_follow(
    settings: Settings, tmp_path: Path
) -> None:
    """Python looks for modules where a script really is, which must not be the whole store."""
    (settings.artifacts_dir / sha256(DATA)).chmod(0o400)
    first, again = (
        Artifact(sha256(DATA), "etl.py").linked(settings.artifacts_dir, tmp_path) for _ in range(2)
    )
    (settings.artifacts_dir / sha256(DATA)).unlink()

    assert first == again == first.resolve()
    assert os.listdir(first.parent) == ["etl.py"]  # noqa: PTH208  # names only
    assert first.read_bytes() == DATA


def test_on_the_cluster_a_driver_gets_a_signed_url(settings: Settings) -> None:
    jars = ",".join([NAMED.replace(".py", ".jar"), "s3a://b/x.jar"])
    given = spec(settings, deployMode="cluster", sparkConfig={"spark.jars": jars})
    job = job_of(statement(given), settings)
    jar, other = job.conf["spark.jars"].split(",")

    assert other == "s3a://b/x.jar"
    for url, name in ((job.application, "etl.py"), (jar, "etl.jar")):
        assert url
        assert url.startswith("https://libra:8990/artifacts/")
        path = SignedPath.of(url.removeprefix("https://libra:8990"))
        assert path
        assert path.subject == f"{sha256(DATA)}/{name}"
        Signer.of(settings).check(path)


def test_an_artifact_that_is_gone_ends_the_statement_with_the_way_out(
    settings: Settings, tmp_path: Path
) -> None:
    (settings.artifacts_dir / sha256(DATA)).unlink()

    with pytest.raises(BadInput, match=r"does not have this artifact; upload it with PUT"):
        job_of(statement(spec(settings)), settings, folder=tmp_path / "work")


@pytest.mark.parametrize(
    "path",
    [
        *("artifact:", "artifact:etl.py", "artifact:abc/etl.py", f"artifact:{'0' * 64}"),
        *(NAMED + "/../x", NAMED.replace("etl.py", ".."), NAMED.upper(), "artifact:/etc/passwd"),
        NAMED.replace("artifact:", "artifact://"),
    ],
)
def test_what_names_no_artifact_is_refused(settings: Settings, path: str) -> None:
    with pytest.raises(BadInput):
        spec(settings, filePath=path)


def test_the_shared_driver_gets_no_artifacts(settings: Settings) -> None:
    with pytest.raises(BadInput, match="available to dedicated drivers only"):
        spec(settings, kind="jar-class", mainClass="A")


def test_every_artifact_of_an_order_is_found(settings: Settings) -> None:
    other = f"artifact:{'1' * 64}/a.zip"
    given = spec(
        settings,
        sparkConfig={
            "spark.files": f"{other}#a, {NAMED}",
            "spark.submit.pyFiles": f"http://h/b.zip,{other}",
            "spark.app.name": other,
        },
    )

    assert [(parameter, str(each)[:8]) for parameter, each in artifacts_of(given)] == [
        ("filePath", sha256(DATA)[:8]),
        ("sparkConfig['spark.files']", "1" * 8),
        ("sparkConfig['spark.files']", sha256(DATA)[:8]),
        ("sparkConfig['spark.submit.pyFiles']", "1" * 8),
    ]


def test_what_is_held_for_a_job_is_needed_until_that_is_over(tmp_path: Path) -> None:
    store = tmp_path / "artifacts"
    with closing(Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")) as ledger:
        shared = StatementSpec(session="default", kind="sql", code="rows 1", pool="default")
        job, _ = ledger.accept(shared)
        hold(store, job.job_id, ["1" * 64, "2" * 64])
        hold(store, "forgotten", ["3" * 64])
        before = needed(store, ledger)
        ledger.move(job, State.CANCELLED)

        assert before == {"1" * 64, "2" * 64}
        assert needed(store, ledger) == set()
        assert list((store / "held").iterdir()) == []


@pytest.fixture
def api(make_libra: MakeLibra) -> Iterator[RunningLibra]:
    with make_libra(master="spark://127.0.0.1:1") as running:
        yield running


def submit(api: RunningLibra, path: str, key: str | None = None) -> Any:
    body = {"kind": "python-file", "filePath": path, "deployMode": "cluster"}
    headers = {"Prefer": "respond-async"} | ({"Idempotency-Key": key} if key else {})
    return api.post(PATH, json=body, headers=headers)


def test_an_unknown_artifact_is_refused_before_anything_is_accepted(api: RunningLibra) -> None:
    refused = submit(api, NAMED)
    put(api, DATA)
    taken = submit(api, NAMED)

    assert refused.status_code == 400
    assert f"filePath='{NAMED}'" in refused.json()["detail"]
    assert "upload it with PUT" in refused.json()["detail"]
    assert taken.status_code == 202


def test_what_a_waiting_statement_names_stays_and_its_key_finds_it_later(
    make_libra: MakeLibra, tmp_path: Path
) -> None:
    """The one before it waits for a master that does not answer."""
    one = IsolatedSettings(max_cluster=1)
    how: dict[str, Any] = {"master": "spark://127.0.0.1:1", "isolated": one}
    with make_libra(**how) as api:
        submit(api, "s3a://b/etl.py")
        put(api, DATA)
        put(api, b"nobody's")
        job_id = submit(api, NAMED, "k").json()["jobId"]
    with make_libra(**how, artifact_seconds=0.001) as api:
        assert in_the_end(lambda: stored(tmp_path) == [sha256(DATA)])
        api.delete(f"/api/v1/statements/{job_id}")
    with make_libra(**how, artifact_seconds=0.001) as api:
        assert in_the_end(lambda: stored(tmp_path) == [])
        again = submit(api, NAMED, "k")

    assert again.json()["jobId"] == job_id
    assert again.json()["state"] == "CANCELLED"
