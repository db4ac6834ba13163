"""What docker-compose.yml promises can be read from it; no Docker is needed."""

from __future__ import annotations

import base64
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tests.deploy.compose import FILE, PORTS, ROOT, SECRETS_FILE, variables_in

# compose-go v2.16.2, schema/compose-spec.json, unchanged. Copyright 2020 The Compose Specification
# Authors, Apache License 2.0.
SCHEMA = Path(__file__).with_name("compose-spec.json")
SUBMISSION_PORTS = {6066, 7077}  # neither asks who is there
AIRFLOW = {"api-server", "scheduler", "dag-processor", "triggerer"}


@pytest.fixture(scope="module")
def composed() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(FILE.read_text())
    return found


@pytest.fixture(scope="module")
def servers(composed: dict[str, Any]) -> dict[str, Any]:
    """The services that stay; the others end by themselves."""
    services: dict[str, Any] = composed["services"]
    return {name: each for name, each in services.items() if each["restart"] != "no"}


def named_secrets() -> set[str]:
    return set(re.findall(r"^(\w+)=$", SECRETS_FILE.read_text(), re.MULTILINE))


def test_it_follows_the_official_compose_schema(composed: dict[str, Any]) -> None:
    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text()))

    assert [error.message for error in validator.iter_errors(composed)] == []


def test_the_schema_would_notice_a_misspelt_key(composed: dict[str, Any]) -> None:
    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text()))
    misspelt = {**composed, "services": {"libra": {"imag": "libra"}}}

    assert not validator.is_valid(misspelt)


def test_all_parts_are_there(servers: dict[str, Any]) -> None:
    spark = {"spark-master", "spark-worker-1", "spark-worker-2"}
    airflow = {f"airflow-{component}" for component in AIRFLOW}

    assert servers.keys() == {"postgres", "libra"} | spark | airflow


def test_every_server_is_checked_and_started_again(servers: dict[str, Any]) -> None:
    for name, service in servers.items():
        assert service["restart"] == "unless-stopped", name
        assert service["healthcheck"]["test"][0] == "CMD", name


def test_a_server_waits_for_what_it_needs_to_be_healthy(composed: dict[str, Any]) -> None:
    conditions = {
        (other, how["condition"])
        for service in composed["services"].values()
        for other, how in service.get("depends_on", {}).items()
    }

    assert conditions == {
        ("postgres", "service_healthy"),
        ("airflow-init", "service_completed_successfully"),
        ("airflow-api-server", "service_healthy"),
        ("spark-master", "service_healthy"),
    }


def test_ports_are_published_on_the_loopback_only_under_their_own_number(
    servers: dict[str, Any],
) -> None:
    published = [port.split(":") for each in servers.values() for port in each.get("ports", [])]

    assert published
    for host, outside, inside in published:
        assert host == "127.0.0.1"
        assert outside == inside
        assert int(inside) in PORTS
        assert int(inside) not in SUBMISSION_PORTS


def test_every_state_that_must_last_is_in_a_named_volume(composed: dict[str, Any]) -> None:
    mounts = {
        mount.split(":")[0]
        for service in composed["services"].values()
        for mount in service.get("volumes", [])
    }

    assert {mount for mount in mounts if not mount.startswith(".")} == composed["volumes"].keys()


def test_images_are_official_and_pinned(composed: dict[str, Any]) -> None:
    services = composed["services"].values()
    pulled = {each["image"] for each in services if "build" not in each}
    recipes = [each["build"]["dockerfile_inline"] for each in services if "build" in each]
    for recipe in recipes:
        pulled |= set(re.findall(r"(?:^FROM |--from=)(\S+)", recipe, re.MULTILINE))

    assert {image.partition(":")[0] for image in pulled} == {
        "apache/airflow",
        "apache/spark",
        "postgres",
        "python",
    }
    for image in pulled:
        assert re.search(r":\d", image), image


def test_pinned_versions_are_those_that_the_tests_run_with() -> None:
    locked = (ROOT / "requirements.lock").read_text()
    text = FILE.read_text()
    for package, image in (("apache-airflow", "apache/airflow"), ("pyspark", "apache/spark")):
        version = re.search(rf"^{package}==(\S+)", locked, re.MULTILINE)

        assert version is not None
        assert set(re.findall(rf"{image}:([\d.]+\d)", text)) == {version[1]}


def test_images_are_built_from_files_that_exist(composed: dict[str, Any]) -> None:
    for service in composed["services"].values():
        recipe = service.get("build", {}).get("dockerfile_inline", "")
        for words in re.findall(r"^COPY (?!--from)(?:--\S+ )?(.+)", recipe, re.MULTILINE):
            for source in words.split()[:-1]:
                assert (ROOT / source).exists(), source


def test_every_variable_is_required_and_explained_in_the_example() -> None:
    assert variables_in(FILE.read_text()) == named_secrets()


def test_the_example_holds_no_secret_and_the_real_one_is_not_committed() -> None:
    lines = SECRETS_FILE.read_text().splitlines()
    ignored = (ROOT / ".gitignore").read_text().split()

    assert all(line.startswith("#") or line.endswith("=") for line in lines if line)
    assert ".env" in ignored


def test_the_line_in_the_example_makes_every_secret(tmp_path: Path) -> None:
    example = SECRETS_FILE.read_text()
    line = next(line for line in example.splitlines() if line.startswith("#   for "))
    (tmp_path / ".env.example").write_text(example)
    subprocess.run(["bash", "-c", line.lstrip("# ")], cwd=tmp_path, check=True)
    made = dict(each.split("=", 1) for each in (tmp_path / ".env").read_text().splitlines())

    assert made.keys() == named_secrets()
    assert len({*made.values()}) == len(made)
    assert all(len(base64.urlsafe_b64decode(value)) == 32 for value in made.values())
    assert (tmp_path / ".env").stat().st_mode & 0o077 == 0
