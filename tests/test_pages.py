"""Pages refer to what is there: to other pages, to their sections, and to files of the code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PLACES = (ROOT, ROOT / "libra_provider", ROOT / "docs")
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
LINK = re.compile(r"\[[^\]]*\]\((?!https?://)([^)#\s]*)(?:#([^)\s]+))?\)")
# In code or text: docs/libra.md, README.md, tests/fakes/tls.py; in backticks also folders.
PAGE = re.compile(r"(?<![\w./{}*-])([\w-]+(?:/[\w-]+)*\.md)\b")
CODE = re.compile(r"`((?:[\w-]+/)+(?:[\w-]+\.(?:py|sql|md))?)`")
FOLDERS = ("libra_provider", "tests", "docs", "dags_examples", "demo", "benchmarks")
WRITTEN = {".py", ".md", ".toml", ".yml", ".sql", ".java"}
EVERYTHING = [*ROOT.iterdir(), *(path for name in FOLDERS for path in (ROOT / name).rglob("*"))]
FILES = sorted(path for path in EVERYTHING if path.suffix in WRITTEN)


def headings(page: Path) -> set[str]:
    """The anchors of *page*, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def is_there(name: str, page: Path) -> bool:
    return any((place / name).exists() for place in (*PLACES, page.parent))


def named_pages() -> Iterator[tuple[str, str]]:
    """(file, page that it names), everywhere."""
    for path in FILES:
        for name in PAGE.findall(path.read_text()):
            if not is_there(name, path):
                yield str(path.relative_to(ROOT)), name


def test_no_file_names_a_page_that_is_not_there() -> None:
    assert list(named_pages()) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for target, anchor in LINK.findall(page.read_text()):
        there = page.parent / target if target else page
        if not there.exists() or (anchor and anchor not in headings(there)):
            broken.append(f"{target}#{anchor}")

    assert broken == []


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", "docs/architecture.md"])
def test_paths_that_contributors_are_sent_to_exist(name: str) -> None:
    page = ROOT / name
    named = set(CODE.findall(page.read_text()))

    assert named
    assert {path for path in named if not is_there(path, page)} == set()
