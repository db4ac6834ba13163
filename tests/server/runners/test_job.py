from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from libra_provider.core.errors import BadInput
from libra_provider.server.api.schemas.statements import StatementRequest
from libra_provider.server.api.validation import spec_of
from libra_provider.server.isolated_settings import IsolatedSettings
from libra_provider.server.model.statement import StatementSpec
from libra_provider.server.runners.job import completed
from libra_provider.server.settings import Settings


def taken(
    tmp_path: Path, spark_config: dict[str, object], *, mode: str = "client", **own: Any
) -> StatementSpec:
    settings = Settings(
        master="spark://h:7077",
        data_dir=tmp_path,
        file_roots=[tmp_path],
        isolated=IsolatedSettings(**own),
    )
    spec = spec_with("python-file", deploy_mode=mode, file_path="http://h/a.py")
    return completed(spec, settings, given=spark_config)


def spec_with(kind: str, **rest: Any) -> StatementSpec:
    return StatementSpec(session="default", kind=kind, code="", pool="default", **rest)


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        ("spark.master", "local[*]", "Libra sets the master"),
        ("spark.submit.deployMode", "cluster", "use deployMode instead"),
        ("spark.driver.supervise", "true", "does not restart"),
        ("spark.libra.tag", "x", "reserved for Libra"),
        ("spark.driver.memory", "much", "size"),
        ("spark.executor.instances", "0", "at least 1"),
        ("hadoop.x", "y", "start with 'spark.'"),
        ("spark.jars", "/etc/passwd", "below Libra's file_roots"),
        ("spark.archives", "http://h/a.zip#a,/etc/passwd#b", "below Libra's file_roots"),
    ],
)
@pytest.mark.parametrize("mode", ["client", "cluster"])
def test_a_property_that_cannot_work_is_refused(
    key: str, value: str, why: str, mode: str, tmp_path: Path
) -> None:
    with pytest.raises(BadInput, match=why):
        taken(tmp_path, {key: value}, mode=mode)


def test_a_number_of_executors_becomes_what_a_standalone_master_understands(
    tmp_path: Path,
) -> None:
    given = {"spark.executor.instances": 3, "spark.executor.cores": "2"}
    few = taken(tmp_path, {"spark.executor.instances": 3}).spark_config

    assert taken(tmp_path, given).spark_config["spark.cores.max"] == "6"
    assert (few["spark.cores.max"], few["spark.executor.cores"]) == ("3", "1")


def test_who_asks_for_more_than_the_settings_allow_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(
        BadInput, match=r"^Invalid sparkConfig.*this Libra allows at most max_cores=4"
    ):
        taken(tmp_path, {"spark.executor.instances": 5}, max_cores=4)


def test_settings_that_contradict_each_other_do_not_start() -> None:
    with pytest.raises(BadInput, match="at most max_cores=1"):
        IsolatedSettings(max_cores=1)


def test_a_local_master_has_no_workers_for_a_cluster_driver(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    with pytest.raises(BadInput, match=r"local\[2\], which has no workers"):
        completed(spec_with("jar", deploy_mode="cluster"), settings, given={})


@pytest.mark.parametrize("kind", ["python", "sql"])
def test_a_text_runs_where_the_settings_say(kind: str, tmp_path: Path) -> None:
    isolated = IsolatedSettings(deploy_mode="cluster")
    settings = Settings(master="spark://h:7077", data_dir=tmp_path, isolated=isolated)

    by_default = completed(spec_with(kind), settings, given={})
    asked = completed(spec_with(kind, deploy_mode="client"), settings, given={})

    assert (by_default.deploy_mode, by_default.deploy_mode_by_default) == ("cluster", True)
    assert (asked.deploy_mode, asked.deploy_mode_by_default) == ("client", False)


def test_the_secret_of_the_masters_is_not_shown() -> None:
    assert "AAAA" not in repr(Settings(isolated=IsolatedSettings(master_secret="AAAA")))


def test_the_settings_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIBRA_ISOLATED", '{"max_client": 1, "log_max_bytes": "1m"}')
    monkeypatch.setenv("LIBRA_FILE_ROOTS", "/srv/jobs:/opt/jobs")
    settings = Settings.load()

    assert (settings.isolated.max_client, settings.isolated.log_max_bytes) == (1, 2**20)
    assert settings.file_roots == (Path("/srv/jobs"), Path("/opt/jobs"))
    with pytest.raises(BadInput, match="expected one of its settings: deploy_mode"):
        Settings.load(isolated={"max_clients": 1})


def test_settings_that_change_do_not_make_a_repeated_request_another_one(tmp_path: Path) -> None:
    """A retry of Airflow must find its statement, also where a link leads elsewhere by then."""
    (tmp_path / "v1.jar").touch()
    (tmp_path / "v2.jar").touch()
    link = tmp_path / "current.jar"

    def digest(target: str, default: str) -> str:
        link.unlink(missing_ok=True)
        link.symlink_to(tmp_path / target)
        settings = Settings(
            master="spark://h:7077",
            data_dir=tmp_path,
            file_roots=[tmp_path],
            isolated=IsolatedSettings(deploy_mode=default),
        )
        jar = {"kind": "jar", "filePath": str(link), "mainClass": "Main"}
        request = StatementRequest.model_validate(jar)
        return spec_of("default", request, settings, old=False).digest

    assert digest("v1.jar", "client") == digest("v2.jar", "cluster")
