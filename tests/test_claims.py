"""How tests are written here: against what the package offers, not against its inside."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
# What a test replaces in the package → why nothing that is passed in can do it.
REASONS: Mapping[str, str] = {"IncomingFile": "no test can fill the disk under a running Libra"}


def names_of_ours(tree: ast.AST) -> set[str]:
    """The names in a test that are modules, classes or values of the package."""
    froms = [each for each in ast.walk(tree) if isinstance(each, ast.ImportFrom)]
    ours = [each for each in froms if str(each.module).partition(".")[0] == "libra_provider"]
    imported = {alias.asname or alias.name for each in ours for alias in each.names}
    return imported | {"libra_provider"}


def replaced(tree: ast.AST) -> Iterator[str]:
    """What *tree*, and each program in its strings, replaces in the package."""
    ours = names_of_ours(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from replaced_in_program(node.value)
        found = [root(each) for each in targets(node)]
        yield from (each for each in found if each.partition(".")[0] in ours)


def replaced_in_program(text: str) -> Iterator[str]:
    if "libra_provider" not in text or "import" not in text:
        return
    try:
        yield from replaced(ast.parse(text))
    except (SyntaxError, ValueError):
        return  # it is prose


def targets(node: ast.AST) -> list[ast.expr]:
    """Whose attributes *node* sets: by ``x.y = …``, ``setattr(x, …)`` or ``patch(x)``."""
    if isinstance(node, ast.Assign):
        return [each.value for each in node.targets if isinstance(each, ast.Attribute)]
    if isinstance(node, (ast.AugAssign, ast.AnnAssign)) and isinstance(node.target, ast.Attribute):
        return [node.target.value]
    if isinstance(node, ast.Call) and node.args and called(node) in ("setattr", "patch", "object"):
        return node.args[:1]
    return []


def called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else ast.unparse(call.func)


def root(target: ast.expr) -> str:
    """``registry`` for ``registry.POOLS``, and the path itself for a string."""
    if isinstance(target, ast.Constant):
        return str(target.value)
    while isinstance(target, ast.Attribute):
        target = target.value
    return target.id if isinstance(target, ast.Name) else ""


@pytest.mark.parametrize(
    "program",
    [
        "from libra_provider.server import keep_alive\nkeep_alive.HEAD_SECONDS = 1",
        "from libra_provider.jobs import reporting as r\nmonkeypatch.setattr(r, '_LOOK', 0)",
        "monkeypatch.setattr('libra_provider.server.keep_alive.HEAD_SECONDS', 1)",
        "text = 'from libra_provider import jobs\\njobs.result = print'",
    ],
)
def test_what_a_test_replaces_is_found(program: str) -> None:
    assert list(replaced(ast.parse(program)))


def test_no_test_replaces_anything_in_the_package() -> None:
    """What a test needs to be otherwise, such as timing, is a value that is passed in."""
    found = {
        f"{path.relative_to(TESTS)}: {each}"
        for path in sorted(TESTS.rglob("*.py"))
        for each in replaced(ast.parse(path.read_text()))
        if path != Path(__file__) and each not in REASONS
    }

    assert found == set()
