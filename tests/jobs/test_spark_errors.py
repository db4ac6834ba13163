from __future__ import annotations

import pytest

from libra_provider.jobs.spark_errors import failure_of

PARSE = """
[PARSE_SYNTAX_ERROR] Syntax error at or near 'x'. SQLSTATE: 42601 (line 1, pos 14)

== SQL ==
select 1 form x y
--------------^^^
"""
ANALYSIS = """[UNRESOLVED_COLUMN.WITHOUT_SUGGESTION] A column with name `a` cannot be resolved. \
SQLSTATE: 42703; line 1 pos 7;
'Project ['a]
+- OneRowRelation
"""
PY4J = """An error occurred while calling o39.getResult.
: org.apache.spark.SparkException: Job aborted due to stage failure: token=abc
\tat org.apache.spark.Foo.bar(Foo.scala:1)
Caused by: java.lang.RuntimeException
"""

WAITED = """An error occurred while calling o82.getResult.
: org.apache.spark.SparkException: Exception thrown in awaitResult: \n\tat org.apache.A.b(A.scala:1)
Caused by: org.apache.spark.SparkException: [FAILED_EXECUTE_UDF] User defined function failed. \
SQLSTATE: 39000
\tat org.apache.spark.Foo.bar(Foo.scala:1)
Caused by: java.lang.RuntimeException
"""


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (PARSE, "[PARSE_SYNTAX_ERROR] Syntax error at or near 'x'. (line 1, pos 14)"),
        (
            ANALYSIS,
            "[UNRESOLVED_COLUMN.WITHOUT_SUGGESTION] A column with name `a` cannot be resolved."
            " (line 1, pos 7)",
        ),
        (
            PY4J,
            "org.apache.spark.SparkException: Job aborted due to stage failure: token=***",
        ),
        (
            WAITED,
            "org.apache.spark.SparkException: [FAILED_EXECUTE_UDF] User defined function failed.",
        ),
        ("", "ValueError"),
    ],
    ids=["parse", "analysis", "py4j", "waited", "silent"],
)
def test_the_sentence_keeps_class_and_position_and_no_stack(said: str, sentence: str) -> None:
    assert failure_of(ValueError(said)).sentence == sentence


def test_class_and_sqlstate_are_found_where_only_the_text_has_them() -> None:
    failure = failure_of(ValueError(WAITED))

    assert (failure.error_class, failure.sql_state) == ("FAILED_EXECUTE_UDF", "39000")
