from __future__ import annotations

from typing import Any

from airflow.sdk._shared.secrets_masker import redact

from libra_provider.operators import LibraStatementOperator, SparkClusterJobOperator
from libra_provider.operators.base import mask_secrets_of


def mask(**given: Any) -> None:
    mask_secrets_of(SparkClusterJobOperator(task_id="t", sql="SELECT 1", **given))


def test_a_value_under_a_secret_looking_key_is_masked_wherever_it_is_printed() -> None:
    mask(
        conf={"spark.hadoop.fs.s3a.secret.key": "key-of-the-lake"},
        env_vars={"PG_PASSWORD": "of-the-warehouse"},
    )

    assert redact("it is key-of-the-lake, not of-the-warehouse") == "it is ***, not ***"


def test_other_values_are_shown() -> None:
    mask(conf={"spark.executor.memory": "2048m", "spark.secret.enabled": "false"})

    assert redact("2048m is false") == "2048m is false"


def test_a_statement_has_no_environment_and_needs_none() -> None:
    task = LibraStatementOperator(task_id="t", sql="SELECT 1", conf={"spark.a.token": "of-no-use"})
    mask_secrets_of(task)

    assert redact("it is of-no-use") == "it is ***"


def test_what_is_no_mapping_is_left_to_who_checks_it() -> None:
    mask(conf=["password-of-nobody"])

    assert redact("password-of-nobody") == "password-of-nobody"
