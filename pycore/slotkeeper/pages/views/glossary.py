"""The words of the trade, as the documentation has them."""

import re
from functools import cache
from pathlib import Path

from slotkeeper.pages.desk import Desk
from slotkeeper.pages.listing import Frozen
from slotkeeper.pages.route import Ask

_FILE = Path(__file__).parent.parent / "glossary.md"
"""The same text as docs/glossary.md, so that pages lead to no other host."""

_TERM = re.compile(r"\*\*(?P<names>[^*]+)\.\*\* (?P<told>.+)", re.DOTALL)
_LINK = re.compile(r"\[([^]]*)\]\([^)]*\)")
_SHORT = re.compile(r"\(([A-Z-]+)\)")


class Term(Frozen):
    """A term, and what it means.

    Attributes:
        anchor: Where it stands on the page.
        names: How it is called, the first as a heading.
    """

    anchor: str
    title: str
    names: list[str]
    told: str


class Glossary(Frozen):
    """The page of terms."""

    sentence: str
    terms: list[Term]


def glossary(desk: Desk, ask: Ask) -> Glossary:
    """Show all of them."""
    del desk, ask
    return Glossary(sentence="What the words on these pages mean.", terms=list(terms()))


@cache
def terms() -> tuple[Term, ...]:
    """Read the glossary."""
    found = []
    for paragraph in _FILE.read_text().split("\n\n"):
        match = _TERM.fullmatch(paragraph.strip())
        if match is None:
            continue
        title = match["names"]
        names = [one.strip() for one in _SHORT.sub(r", \1", title).split(",")]
        found.append(
            Term(
                anchor=anchor(names[0]),
                title=title,
                names=names,
                told=" ".join(_LINK.sub(r"\1", match["told"]).split()),
            )
        )
    return tuple(found)


def anchor(name: str) -> str:
    """Give where a term stands."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


@cache
def places() -> dict[str, str]:
    """Give the anchor of each name, in lower case."""
    return {name.lower(): one.anchor for one in terms() for name in one.names}
