from __future__ import annotations

import pickle
import re

import pytest

from libra_provider.core import errors

EXAMPLES = [
    errors.BadInput("conf['spark.driver.memory']", "lots", "a size is a number with a unit"),
    errors.ServerUnreachable("http://m:6066", "nothing listens there", True),
    errors.ServerBusy("http://l:8990", "The queue is full.", 5.0),
    errors.AccessDenied("http://m:6066", 403, "set the password"),
    errors.Rejected("http://m:6066", 400, "no main class"),
    errors.ProtocolError("http://m:6066", 200, "a JSON object was expected", "<html>"),
    errors.JobFailed("driver-1", "java.lang.OutOfMemoryError: Java heap space"),
    errors.JobKilled("driver-1"),
    errors.JobLost("driver-1"),
    errors.JobGivenUp("driver-1", "it waited longer than queued_timeout=1 min"),
    errors.KillNotVerified("driver-1"),
    errors.NotInstalled("pandas", "pandas"),
    errors.NotOffered("http://l:8990", "it would ignore result_path"),
    errors.JobWrong("s-1", "[PARSE_SYNTAX_ERROR] Syntax error."),
    errors.ResultNotWhole("s-1", "20 of 25 rows came"),
]


def ids(error: Exception) -> str:
    return type(error).__name__


@pytest.mark.parametrize("error", EXAMPLES, ids=ids)
def test_an_error_pickles_with_its_facts(error: errors.LibraError) -> None:
    copy = pickle.loads(pickle.dumps(error))

    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert vars(copy) == vars(error)


@pytest.mark.parametrize("error", EXAMPLES, ids=ids)
def test_an_error_is_one_line_that_names_its_first_fact(error: errors.LibraError) -> None:
    text = str(error)

    assert "\n" not in text
    assert str(error.args[0]) in text


def test_every_class_of_the_tree_is_drawn_on_top_of_the_module() -> None:
    classes = {
        name
        for name, found in vars(errors).items()
        if isinstance(found, type) and issubclass(found, errors.LibraError)
    }

    assert classes == set(re.findall(r"^[│├└─ ]+([A-Z]\w+)", errors.__doc__ or "", re.MULTILINE))


def test_bad_input_is_a_value_error() -> None:
    assert issubclass(errors.BadInput, ValueError)
