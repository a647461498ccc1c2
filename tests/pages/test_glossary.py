"""Terms on pages lead to their meaning, and that is the documentation's."""

import re
from pathlib import Path

import pytest

from slotkeeper.pages.pictures import Glosses
from slotkeeper.pages.views import glossary

from .conftest import Console

ROOT = Path(__file__).parents[2]
TEMPLATES = ROOT / "pycore" / "slotkeeper" / "pages" / "templates"


def test_the_console_has_the_words_of_the_documentation() -> None:
    own = Path(glossary.__file__).parent.parent / "glossary.md"
    assert own.read_text() == (ROOT / "docs" / "glossary.md").read_text()
    told = glossary.terms()
    assert len(told) == own.read_text().count("\n**")
    assert len({one.anchor for one in told}) == len(told)
    assert {"acb", "cell", "gnp", "mprn", "issued"} <= set(glossary.places())


def test_each_term_that_a_template_links_is_in_the_glossary() -> None:
    linked = {
        name.lower()
        for file in TEMPLATES.glob("*.html")
        for name in re.findall(r'gloss\("([^"]+)"', file.read_text())
    }
    assert len(linked) > 5
    assert linked <= set(glossary.places())


def test_a_term_is_linked_once_a_page() -> None:
    gloss = Glosses()
    assert gloss("slot") == '<a class="term" href="/glossary#slot">slot</a>'
    assert gloss("Slot") == "Slot"
    assert gloss("MPRN", "<meter point>") == (
        '<a class="term" href="/glossary#mprn">&lt;meter point&gt;</a>'
    )
    with pytest.raises(KeyError):
        gloss("nothing")


def test_the_links_of_a_page_lead_to_terms(dcc: Console) -> None:
    shown = dcc.get("/glossary").text
    device = dcc.json("/devices.json")["table"]["rows"][0]["device_id"]
    for path in ("/", f"/devices/{device}", "/exits/GNO-3", "/rule"):
        places = re.findall(r'href="/glossary#([^"]+)"', dcc.get(path).text)
        assert places, path
        assert len(set(places)) == len(places)
        for place in places:
            assert f'id="{place}"' in shown
