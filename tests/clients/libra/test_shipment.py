from __future__ import annotations

import json
from pathlib import Path

import pytest

from libra_provider.clients.libra.external_jobs import UploadUrls
from libra_provider.clients.libra.shipment import SPEC_VARIABLE, Shipment, spec_of, with_spec
from libra_provider.core.errors import BadInput
from libra_provider.core.job import SparkJob
from libra_provider.core.kinds import Kind

QUERY = "SELECT '{{USER_JAR}} {{{' AS text"


def test_a_worker_finds_nothing_to_replace_in_an_order() -> None:
    job = SparkJob(kind=Kind.SQL, code=QUERY)
    sent = with_spec(job, spec_of(job, "a" * 32, returns=True), "local:/bootstrap.py")
    spec = sent.env_vars[SPEC_VARIABLE]

    assert "{{" not in spec
    assert json.loads(spec)["sql"] == QUERY


def test_the_longest_sql_and_parameters_leave_room_for_the_urls_of_a_hundred_files(
    tmp_path: Path,
) -> None:
    names = [f"{tmp_path}/{number}.py" for number in range(100)]
    for name in names:
        Path(name).write_text(name)
    code, parameters = "x" * 24_500, ["x" * 49_000]
    job = SparkJob(kind=Kind.SQL, code=code, parameters=parameters, files=names)
    shipment = Shipment(job)
    url = f"http://libra.example.com:8765/artifacts/1790000000.{'a' * 64}/{'b' * 64}/1.py"
    urls = {(each.sha256, each.name): url for each in shipment.artifacts}
    spec = json.loads(shipment.sent("a" * 32, UploadUrls(urls, url, url)).env_vars[SPEC_VARIABLE])

    assert (spec["sql"], spec["parameters"]) == (code, parameters)
    assert len(spec["files"]) == 100


@pytest.mark.parametrize(
    ("job", "parameter"),
    [
        (SparkJob(kind=Kind.SQL, code="x" * 100_000), "sql"),
        (SparkJob(kind=Kind.PYTHON_FILE, application="x" * 100_000), "py_files"),
    ],
)
def test_a_job_spec_that_is_too_large_names_what_makes_it_so(job: SparkJob, parameter: str) -> None:
    with pytest.raises(BadInput, match="96 KiB") as raised:
        with_spec(job, spec_of(job, "a" * 32, returns=True), "local:/bootstrap.py")

    assert raised.value.parameter == parameter


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({"spark.pyspark.python": "./environment/bin/python"}, "python3"),
        (
            {"spark.pyspark.python": "./e/bin/python", "spark.pyspark.driver.python": "python3.12"},
            "python3.12",
        ),
        ({"spark.pyspark.python": "/opt/python/bin/python3"}, None),
        ({"spark.pyspark.python": "python3.12"}, None),
        ({}, None),
    ],
)
def test_a_packed_python_does_not_have_to_begin_the_driver(
    given: dict[str, str], sent: str | None
) -> None:
    shipment = Shipment(SparkJob(kind=Kind.PYTHON, code="1", conf=given))
    urls = {(each.sha256, each.name): "http://libra/x" for each in shipment.artifacts}
    at = UploadUrls(urls=urls, result_url="http://libra/result", report_url="http://libra/report")

    assert shipment.sent("a" * 32, at).conf.get("spark.pyspark.driver.python") == sent


@pytest.mark.parametrize("name", ["100%.csv", "it's.csv", "[a].csv", "a;b.csv", "x" * 201])
def test_a_name_that_cannot_travel_is_refused_with_what_to_do(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("a,b")
    job = SparkJob(kind=Kind.PYTHON, code="1", files=(f"{tmp_path}/{name}",))
    with pytest.raises(BadInput, match="; rename it") as raised:
        Shipment(job)

    assert raised.value.parameter == "files"


def test_a_file_whose_name_cannot_travel_may_be_given_another_one(tmp_path: Path) -> None:
    (tmp_path / "100%.csv").write_text("a,b")
    job = SparkJob(kind=Kind.PYTHON, code="1", files=(f"{tmp_path}/100%.csv#all.csv",))

    assert "all.csv" in {each.name for each in Shipment(job).artifacts}


def test_two_files_of_one_name_are_refused_unless_they_are_the_same(tmp_path: Path) -> None:
    for folder, content in (("a", "1"), ("b", "2"), ("c", "1")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.csv").write_text(content)
    a, b, c = (f"{tmp_path}/{folder}/x.csv" for folder in "abc")
    with pytest.raises(BadInput, match=r"another file is also named x\.csv") as raised:
        Shipment(SparkJob(kind=Kind.PYTHON, code="1", files=(a, b)))
    shipped = Shipment(SparkJob(kind=Kind.PYTHON, code="1", files=(a, c, f"{b}#y.csv"))).artifacts

    assert [each.name for each in shipped if each.name.endswith(".csv")] == ["x.csv", "y.csv"]
    assert (raised.value.parameter, raised.value.value) == ("files", b)
