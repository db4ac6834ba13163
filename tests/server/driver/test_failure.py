from __future__ import annotations

import pytest

from libra_provider.server.driver.failure import failure_of

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
        ("", "ValueError"),
    ],
    ids=["parse", "analysis", "py4j", "silent"],
)
def test_the_sentence_keeps_class_and_position_and_no_stack(said: str, sentence: str) -> None:
    assert failure_of(ValueError(said)).sentence == sentence
