from __future__ import annotations

import pickle
import re

import pytest

from libra_provider.core import errors

EXAMPLES = [
    errors.BadInput("conf['spark.driver.memory']", "lots", "expected a size with a unit"),
    errors.ServerUnreachable("http://m:6066", "connection refused", True),
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
    errors.NotOffered("http://l:8990", "this version ignores result_path"),
    errors.JobWrong("s-1", "[PARSE_SYNTAX_ERROR] Syntax error."),
    errors.ResultNotWhole("s-1", "20 of 25 rows came"),
    errors.JobLostForGood("driver-1"),
    errors.UndecidedSubmission("The job with tag f", "it may be driver-2"),
    errors.UnknowableSubmission("The job with tag f", "its sender was interrupted"),
    errors.ServerError("http://m:8080", "this master is RECOVERING"),
]
MEANINGS = {
    "final": "is_final",
    "retry": "retryable",
    "arrived?": "may_have_arrived",
    "refusal": "is_refusal",
    "elsewhere": "another_may_answer",
}


def drawn() -> dict[str, set[str]]:
    """What the tree on top of the module says in brackets behind each class."""
    lines = re.findall(r"^[│├└─ ]+([A-Z]\w+)(?: +\[(.*?)\])?", errors.__doc__ or "", re.MULTILINE)
    return {name: set(filter(None, said.split(", "))) for name, said in lines}


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

    assert classes == set(drawn())


@pytest.mark.parametrize("name", drawn())
def test_what_an_error_means_is_drawn_behind_it(name: str) -> None:
    error = getattr(errors, name)
    means = {word for word, meaning in MEANINGS.items() if getattr(error, meaning, False)}
    if error is errors.ServerUnreachable:
        means.discard("arrived?")  # each instance knows it

    assert means == drawn()[name]


@pytest.mark.parametrize("arrived", [False, True])
def test_an_unreachable_server_may_have_the_request_or_certainly_not(arrived: bool) -> None:
    assert errors.ServerUnreachable("http://m", "away", arrived).may_have_arrived is arrived


@pytest.mark.parametrize("error", EXAMPLES, ids=ids)
def test_only_a_busy_server_asks_to_be_left_alone(error: errors.LibraError) -> None:
    expected = 5.0 if isinstance(error, errors.ServerBusy) else 0.0

    assert getattr(error, "retry_after", 0.0) == expected


def test_what_ends_a_task_for_good_is_not_asked_again() -> None:
    final = {name for name, said in drawn().items() if "final" in said}

    assert not any(getattr(getattr(errors, name), "retryable", False) for name in final)


def test_bad_input_is_a_value_error() -> None:
    assert issubclass(errors.BadInput, ValueError)
