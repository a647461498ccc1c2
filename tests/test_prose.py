"""The pages of the repository: lines that fit a screen, decisions that carry a date."""

import os
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

ROOT = Path(__file__).parent.parent
WIDTH = 120
BUILT = {"target", "dist", "results"}  # benchmarks/results is written by programs
UNBREAKABLE = {"table_open", "fence", "code_block", "html_block"}


def pages() -> Iterator[Path]:
    """Find every page but those of tools and of what was built."""
    for folder, names, files in os.walk(ROOT):
        names[:] = [name for name in names if name not in BUILT and not name.startswith(".")]
        yield from (Path(folder, name) for name in files if name.endswith(".md"))


def long_lines(text: str) -> Iterator[int]:
    """Number the lines above WIDTH that have a place to break at, tables and code apart."""
    apart: set[int] = set()
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        if token.type in UNBREAKABLE and token.map:
            apart.update(range(*token.map))
    for index, line in enumerate(text.splitlines()):
        # What follows the mark of a list item or a quotation; a link alone has no blank in it.
        words = re.sub(r"^\s*([-*+>]|\d+[.)])?\s*", "", line)
        if len(line) > WIDTH and index not in apart and " " in words:
            yield index + 1


def test_prose_is_wrapped() -> None:
    found = [
        f"{page.relative_to(ROOT)}:{line}"
        for page in pages()
        for line in long_lines(page.read_text())
    ]
    assert not found, f"wrap at {WIDTH} characters: {', '.join(found)}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("word " * 30, [1]),
        ("- " + "word " * 30, [1]),
        ("# " + "word " * 30, [1]),
        ("short\n" + "word " * 30, [2]),
        ("https://example.com/" + "a" * 120, []),
        ("- https://example.com/" + "a" * 120, []),
        ("```\n" + "word " * 30 + "\n```", []),
        ("text\n\n    " + "word " * 30, []),
        ("| a | b |\n|---|---|\n| " + "word " * 30 + "| c |", []),
    ],
)
def test_tables_code_and_bare_links_stay_as_they_are(text: str, expected: list[int]) -> None:
    assert list(long_lines(text)) == expected


def test_decisions_carry_their_date() -> None:
    folder = ROOT / "docs" / "decisions"
    table = (folder / "README.md").read_text()
    for page in sorted(folder.glob("*.md")):
        if page.name != "README.md":
            decided = re.search(r"\A# .+\n\nDecided: (\S+)\n", page.read_text())
            assert decided, f"{page.name}: no date below the title"
            day = date.fromisoformat(decided[1])
            assert f"| [{page.name}]({page.name}) | {day} |" in table
