from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from libra_provider.core.errors import BadInput
from libra_provider.server.model.pools import STANDARD_POOLS, Pool, allocations
from libra_provider.server.settings import Settings


@pytest.fixture
def toml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "libra.toml"
    path.write_text(
        'port = 1111\nmaster = "spark://a:7077"\nresult_max_bytes = "1 MiB"\n'
        '[spark]\n"spark.a" = true\n[pools.default]\nweight = 2\n'
    )
    monkeypatch.setenv("LIBRA_CONFIG", str(path))
    return path


@pytest.mark.usefixtures("toml")
def test_arguments_win_over_variables_which_win_over_the_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LIBRA_PORT", "2222")
    monkeypatch.setenv("LIBRA_MASTER", "spark://b:7077")
    settings = Settings.load(port=3333, master=None)

    assert (settings.port, settings.master) == (3333, "spark://b:7077")
    assert settings.result_max_bytes == 1024**2
    assert settings.spark == {"spark.a": "true"}
    assert settings.pools == {"default": Pool(weight=2)}


def test_spark_properties_come_as_json_from_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LIBRA_SPARK_CONF", '{"spark.cores.max": 4}')

    assert Settings.load().spark == {"spark.cores.max": "4"}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"host": "0.0.0.0"}, "LIBRA_TOKEN"),
        ({"port": 70000}, "0 to 65535"),
        ({"port": "x"}, "whole number"),
        ({"spark": {"a.b": "1"}}, r"start with 'spark\.'"),
        ({"spark": "{"}, "JSON object"),
        ({"pools": {"etl": {"weight": 1}}}, "named 'default'"),
        ({"pools": {"default": {"height": 1}}}, "weight and a min_share"),
        ({"master": "yarn"}, "standalone master"),
        ({"colour": "red"}, "expected one of Libra's settings: host, port"),
        ({"max_pending": 0}, "more than 0"),
        ({"session_idle_seconds": 0}, "more than 0"),
        ({"token": ""}, "printable ASCII without spaces"),
        ({"token": "two words"}, "printable ASCII without spaces"),
        ({"token": "clé"}, "printable ASCII without spaces"),
        ({"tls_key": "key.pem"}, "tls_certificate too"),
        ({"tls_certificate": "/nowhere/chain.pem"}, "no such file"),
    ],
    ids=str,
)
def test_a_setting_that_cannot_work_is_named(given: dict[str, Any], words: str) -> None:
    with pytest.raises(BadInput, match=words):
        Settings.load(**given)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_loopback_needs_no_token(host: str) -> None:
    assert Settings(host=host).is_loopback


def test_secrets_do_not_show() -> None:
    settings = Settings(
        token="s3cr3t",
        ledger_url="postgresql://u:s3cr3t@h/db",
        spark={"spark.hadoop.fs.s3a.secret.key": "s3cr3t"},
    )

    assert "s3cr3t" not in repr(settings)


def test_properties_that_cannot_be_read_do_not_show_either(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LIBRA_SPARK_CONF", '{"spark.hadoop.fs.s3a.secret.key": "s3cr3t"')

    with pytest.raises(BadInput) as refused:
        Settings.load()

    assert "s3cr3t" not in str(refused.value)


def test_the_standard_pools_are_those_of_the_reference() -> None:
    text = allocations(STANDARD_POOLS)

    assert (
        '<pool name="high-priority"><schedulingMode>FAIR</schedulingMode>'
        "<weight>3</weight><minShare>4</minShare></pool>" in text
    )
    assert text.count("<pool ") == 4


@pytest.mark.parametrize("name", [each.name for each in fields(Settings)])
def test_every_setting_is_documented(name: str) -> None:
    text = (Path(__file__).parents[2] / "docs" / "libra.md").read_text()

    assert f"`{name}`" in text or f"`[{name}" in text
