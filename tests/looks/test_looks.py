"""What pages have in common: contrast, escaping, pictures that programs and people can read."""

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from defusedxml.ElementTree import fromstring
from jinja2 import UndefinedError

from slotkeeper.looks.charts import Bar, Line, bars, columns, lines
from slotkeeper.looks.pages import ago, day, environment, moment, number, share, stylesheet
from slotkeeper.looks.states import FINDINGS, SHAPES, State
from slotkeeper.slots.table import Finding

TEXTS = ("text", "quiet", "link", "good", "waiting", "act", "wrong", "lost", "unknown")
SHAPES_ALONE = ("edge", "focus")


def hues(theme: str) -> dict[str, str]:
    """Give the hues of light, dark or print, in the order in which the stylesheet has them."""
    blocks = re.findall(r":root \{([^}]*)\}", stylesheet())
    return dict(re.findall(r"--(\w+): (#\w{6})", blocks[("light", "dark", "print").index(theme)]))


def contrast(one: str, other: str) -> float:
    """Compute the contrast ratio of WCAG 2."""

    def luminance(hue: str) -> float:
        parts = [int(hue[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark", "print"])
def test_text_has_its_contrast_and_shapes_have_theirs(theme: str) -> None:
    found = hues(theme)
    for ground in ("ground", "raised"):
        for name in TEXTS:
            assert contrast(found[name], found[ground]) >= 4.5, (name, ground)
    for name in SHAPES_ALONE:
        if name in found:
            assert contrast(found[name], found["ground"]) >= 3, name


def test_no_hue_stands_in_the_sheet_but_by_its_name() -> None:
    rules = re.sub(r":root \{[^}]*\}", "", stylesheet())
    assert re.findall(r"#[0-9a-fA-F]{3,8}\b", rules) == []
    assert "url(" not in rules
    assert "@import" not in rules


def test_every_state_and_every_finding_has_a_shape() -> None:
    assert set(SHAPES) == set(State)
    assert set(FINDINGS) == {finding.value for finding in Finding}
    assert len(set(SHAPES.values())) == len(State)


def test_a_page_escapes_and_refuses_what_nobody_has_set() -> None:
    made = environment()
    macros = "{% from 'macros.html' import tag, table, summary %}"
    page = made.from_string(
        macros + "{{ tag(word, 'act') }}{{ summary([(word, word, word)]) }}"
        "{% call table(word, [word, (word, 'number')]) %}<tr><td>{{ word }}</td></tr>{% endcall %}"
    )
    assert "<script" not in page.render(word="<script>'\"&")
    with pytest.raises(UndefinedError):
        page.render()


def test_pictures_say_what_they_show_and_escape_it() -> None:
    rows = [
        Bar(name="<b>", value=3, state=State.GOOD),
        Bar(name="none", value=0),
        Bar(name="few", value=1, told="1 of 4"),
    ]
    hundred = [(float(at), float(100 - at)) for at in range(5)]
    forecast = Line(name="forecast", points=[(4, 96), (9, 0)], dashed=True)
    for picture in (
        bars("a", "Title & more", "What is to be seen", rows),
        columns("b", "Title & more", "What is to be seen", rows),
        lines(
            "c",
            "Title & more",
            "What is to be seen",
            [Line(name="left", points=hundred, state=State.ACT), forecast],
            "devices",
            ("1 Nov", "9 Nov"),
        ),
    ):
        root = fromstring(picture)
        title, description = root[0], root[1]
        assert (title.tag, title.text) == ("title", "Title & more")
        assert (description.tag, description.text) == ("desc", "What is to be seen")
        assert root.get("aria-labelledby") == f"{title.get('id')} {description.get('id')}"
        # A picture without a box of its own has no width at which its text would shrink.
        assert root.get("viewBox") is None
        assert root.get("width") == "100%"


def test_bars_begin_at_zero_and_none_is_drawn_of_nothing() -> None:
    root = fromstring(
        bars(
            "a",
            "t",
            "d",
            [Bar(name="x", value=200), Bar(name="y", value=50), Bar(name="z", value=0)],
        )
    )
    drawn = [one for one in root.iter("rect") if "bar" in one.get("class", "")]
    assert [(one.get("x"), one.get("width")) for one in drawn] == [
        ("0", "100.00%"),
        ("0", "25.00%"),
    ]


def test_names_of_lines_do_not_cover_each_other() -> None:
    rows = [Line(name=str(at), points=[(0, 0), (1, 10 + at / 10)]) for at in range(3)]
    root = fromstring(lines("a", "t", "d", rows, "devices", ("", "")))
    names = sorted(
        float(one.get("y", "0"))
        for one in root.iter("text")
        if one.get("class") == "label end" and one.text
    )
    assert all(following - one >= 20 for one, following in pairwise(names))


def test_numbers_and_times_are_written_for_people() -> None:
    assert number(1_234_567) == "1\u202f234\u202f567"
    assert [share(part, 10_000) for part in (0, 1, 1_250, 9_999, 10_000)] == [
        "0.0\u202f%",
        "< 0.1\u202f%",
        "12.5\u202f%",
        "> 99.9\u202f%",
        "100.0\u202f%",
    ]
    assert share(0, 0) == "-"
    assert (day("2026-11-06"), day(None)) == ("6 Nov 2026", "-")
    at = datetime(2026, 11, 26, 14, 3, 7, tzinfo=UTC)
    assert moment(at) == "26 Nov 2026, 14:03:07 UTC"
    assert [ago(at, at + timedelta(seconds=second)) for second in (3, 60, 7_200, -1)] == [
        "just now",
        "1 minute ago",
        "2 hours ago",
        "in the future",
    ]
