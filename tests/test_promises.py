"""Every promise of docs/reliability.md names a test that holds it; tests that documents name are there."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
NAMED = re.compile(r"`((?:tests/)?(?:\w+/)*test_\w+\.py|tests/(?:\w+/)+)`")
FUNCTION = re.compile(r"`(test_\w+)`")


@cache
def sources() -> dict[str, str]:
    """The tests' text by path from the root."""
    found = sorted((ROOT / "tests").rglob("test_*.py"))
    return {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in found}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_tests_that_a_document_names_are_there(page):
    text, known = page.read_text("utf-8"), sources()
    for name in NAMED.findall(text):
        at_its_place = any(path == name or path.startswith(name) for path in known)
        beside_another = "/" not in name and any(path.endswith(f"/{name}") for path in known)
        assert at_its_place or beside_another, name
    for name in FUNCTION.findall(text):
        assert any(f"def {name}(" in source for source in known.values()), name


def promises() -> dict[str, str]:
    """What stands behind bold words at the start of a paragraph, or in a section without; not the first."""
    text = (ROOT / "docs" / "reliability.md").read_text("utf-8")
    _, _, *sections = re.split(r"(?m)^## ", text)
    found = {}
    for section in sections:
        title, _, body = section.partition("\n")
        opening, *parts = re.split(r"(?m)^(?=\*\*)", body)
        for part in parts or [opening]:
            words = re.match(r"\*\*(.+?)\*\*", part)
            found[f"{title}: {words[1]}" if words else title] = part
    return found


def test_every_promise_names_a_test_that_holds_it():
    found = promises()
    assert len(found) > 20
    assert not [words for words, text in found.items() if not NAMED.search(text)]
