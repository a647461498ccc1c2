"""Bars and lines as SVG.

Text stays text; title and description are there for who cannot see the picture; the system's
choice of light or dark is followed, with a ground of its own, since a page may have chosen
otherwise. Series differ by shape and label as well as by colour.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET  # nothing is parsed

WIDTH, LEFT, RIGHT = 760, 84, 24
"""In pixels: of the picture, and what is free on its sides."""

TOP, BOTTOM, GAP = 64, 60, 44
"""Above the first panel, below the last, and between two."""

ALONE, STACKED = 310, 120
"""How high a panel is: by itself, and one of several."""

BAR, BAR_GAP, NAMES, TOLD = 26, 14, 210, 210
"""A bar's height, the space after it, and the widths of its name and of what is told of it."""

LABELS, LABEL_HEIGHT = 232, 18
"""The width of series' names, and the least distance of two."""

INTERVALS = 5
"""At most, on an axis that begins at zero."""

STYLE = """
text { fill: #1f2328; font: 14px system-ui, sans-serif }
text { stroke: #ffffff; stroke-width: 4px; paint-order: stroke }
.heading { font-size: 16px; font-weight: 600 }
.quiet { fill: #59636e }
.middle { text-anchor: middle }
.end { text-anchor: end }
.ground { fill: #ffffff }
.grid { stroke: #d1d9e0 }
.axis { stroke: #59636e }
.line { fill: none; stroke: currentColor; stroke-width: 2; stroke-linejoin: round }
.shape { fill: currentColor }
.c0 { color: #0860b4 } .c1 { color: #b3450c } .c2 { color: #17703a } .c3 { color: #8a6100 }
.other { color: #818b98 }
@media (prefers-color-scheme: dark) {
text { fill: #f0f3f6; stroke: #12161c }
.quiet { fill: #a5aeb8 }
.ground { fill: #12161c }
.grid { stroke: #343b44 }
.axis { stroke: #a5aeb8 }
.c0 { color: #6cb6ff } .c1 { color: #ff9a66 } .c2 { color: #5fd08a } .c3 { color: #e5bd4f }
.other { color: #7d8793 }
}
"""

DISC, SQUARE = "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0", "M-3.5-3.5h7v7h-7z"
TRIANGLE, DIAMOND = "M0-5L5 4H-5z", "M0-5.5L5.5 0L0 5.5L-5.5 0z"
MARKS = (DISC, SQUARE, TRIANGLE, DIAMOND)
"""A shape for each series of a panel: there are no more than these."""


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One bar.

    Attributes:
        name: Beside it.
        value: Its length, from zero; None draws no bar.
        told: Behind it: the figure, or why there is none.
        own: Whether it stands out.
    """

    name: str
    value: float | None
    told: str
    own: bool


@dataclass(frozen=True, kw_only=True)
class Panel:
    """Lines over the same axis.

    Attributes:
        label: What goes up, with its unit.
        series: The points of each line, by name; a single one needs no label.
    """

    label: str
    series: dict[str, Sequence[tuple[float, float]]]


def bars(title: str, description: str, label: str, rows: Sequence[Bar]) -> str:
    """Draw bars to the right from zero.

    Args:
        title: Above them.
        description: What is to be seen, for who does not see it.
        label: What the bars measure, with its unit.
        rows: From top to bottom.
    """
    begin = TOP - LABEL_HEIGHT
    bottom = begin + len(rows) * (BAR + BAR_GAP)
    root = _picture(title, description, bottom + BOTTOM)
    x = _Axis.linear([row.value or 0 for row in rows], (NAMES, WIDTH - TOLD))
    _draw_across(root, x, label, (begin, bottom))
    for number, row in enumerate(rows):
        top = begin + BAR_GAP / 2 + number * (BAR + BAR_GAP)
        base, end = top + BAR * 0.68, x.at(row.value or 0)
        _text(root, NAMES - 10, base, row.name, "end")
        if row.value is not None:
            colour = "c0" if row.own else "other"
            _path(root, f"shape {colour}", f"M{NAMES} {_short(top)}H{_short(end)}v{BAR}H{NAMES}z")
        _text(root, end + 8, base, row.told, "" if row.value is not None else "quiet")
    _path(root, "axis", f"M{NAMES} {begin}V{bottom}")
    return _written(root)


def lines(
    title: str, description: str, label: str, panels: Sequence[Panel], *, logarithmic: bool = False
) -> str:
    """Draw panels one above the other.

    Args:
        title: Above them.
        description: What is to be seen, for who does not see it.
        label: What goes to the right, with its unit.
        panels: From top to bottom.
        logarithmic: Of both axes; otherwise they begin at zero.
    """
    height = ALONE if len(panels) == 1 else STACKED
    bottom = TOP + len(panels) * (height + GAP) - GAP
    root = _picture(title, description, bottom + BOTTOM)
    named = any(len(panel.series) > 1 for panel in panels)
    ends = (LEFT, WIDTH - (LABELS if named else RIGHT))
    places = [at for panel in panels for line in panel.series.values() for at, _ in line]
    axis = _Axis.logarithmic if logarithmic else _Axis.linear
    x = axis(places, ends)
    for number, panel in enumerate(panels):
        top = TOP + number * (height + GAP)
        values = [value for line in panel.series.values() for _, value in line]
        last = number == len(panels) - 1
        _draw_across(root, x, label if last else "", (top, top + height))
        _draw_panel(root, panel, x, axis(values, (top + height, top)))
    return _written(root)


@dataclass(frozen=True)
class _Axis:
    """Where a value stands.

    Attributes:
        ticks: Values that a line is drawn at, both ends among them.
        at: Gives the pixel of a value.
    """

    ticks: Sequence[float]
    at: Callable[[float], float]

    @classmethod
    def linear(cls, values: Sequence[float], ends: tuple[float, float]) -> "_Axis":
        """From zero to the first tick that is no less than the most, or hardly less."""
        most = 0.99 * max([*values, 1e-9])
        decade = 10 ** math.floor(math.log10(most / INTERVALS))
        step = next(decade * by for by in (1, 2, 5, 10) if decade * by >= most / INTERVALS)
        count = math.ceil(most / step)
        begin, end = ends
        return cls(
            [step * number for number in range(count + 1)],
            lambda value: begin + (end - begin) * value / (count * step),
        )

    @classmethod
    def logarithmic(cls, values: Sequence[float], ends: tuple[float, float]) -> "_Axis":
        """From the power of ten below the least to the one above the most."""
        low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
        begin, end = ends
        return cls(
            [10.0**power for power in range(low, high + 1)],
            lambda value: begin + (end - begin) * (math.log10(value) - low) / (high - low),
        )


def _draw_across(root: ET.Element, x: _Axis, label: str, ends: tuple[float, float]) -> None:
    top, bottom = ends
    for tick in x.ticks:
        _path(root, "grid", f"M{_short(x.at(tick))} {top}V{bottom}")
        if label:
            _text(root, x.at(tick), bottom + 20, f"{tick:,.10g}", "quiet middle")
    if label:
        _text(root, (x.at(x.ticks[0]) + x.at(x.ticks[-1])) / 2, bottom + 42, label, "middle")


def _draw_panel(root: ET.Element, panel: Panel, x: _Axis, y: _Axis) -> None:
    left, right = x.at(x.ticks[0]), x.at(x.ticks[-1])
    _text(root, left, y.at(y.ticks[-1]) - 10, panel.label)
    for tick in y.ticks:
        style = "axis" if tick == y.ticks[0] else "grid"
        _path(root, style, f"M{_short(left)} {_short(y.at(tick))}H{_short(right)}")
        _text(root, left - 8, y.at(tick) + 5, f"{tick:,.10g}", "quiet end")
    labels = []
    for number, (name, line) in enumerate(panel.series.items()):
        points = [(x.at(at), y.at(value)) for at, value in line]
        drawn = "L".join(f"{_short(across)} {_short(up)}" for across, up in points)
        _path(root, f"line c{number}", f"M{drawn}")
        if len(panel.series) > 1:
            for across, up in points:
                _mark(root, across, up, number)
            labels.append((points[-1][1], number, name))
    free = -math.inf
    for at, number, name in sorted(labels):
        base = max(at, free)
        free = base + LABEL_HEIGHT
        _mark(root, right + 18, base, number)
        _text(root, right + 30, base + 5, name)


def _picture(title: str, description: str, height: float) -> ET.Element:
    size = {"viewBox": f"0 0 {WIDTH} {height}", "width": str(WIDTH), "height": str(height)}
    told = {"role": "img", "aria-labelledby": "title description"}
    root = ET.Element("svg", {"xmlns": "http://www.w3.org/2000/svg", **size, **told})
    ET.SubElement(root, "title", {"id": "title"}).text = title
    ET.SubElement(root, "desc", {"id": "description"}).text = description
    ET.SubElement(root, "style").text = STYLE
    _path(root, "ground", f"M0 0H{WIDTH}V{height}H0z")
    _text(root, RIGHT, 28, title, "heading")
    return root


def _text(root: ET.Element, x: float, y: float, text: str, style: str = "") -> None:
    place = {"x": _short(x), "y": _short(y)}
    ET.SubElement(root, "text", {"class": style, **place} if style else place).text = text


def _path(root: ET.Element, style: str, path: str) -> ET.Element:
    return ET.SubElement(root, "path", {"class": style, "d": path})


def _mark(root: ET.Element, x: float, y: float, number: int) -> None:
    mark = _path(root, f"shape c{number}", MARKS[number])
    mark.set("transform", f"translate({_short(x)} {_short(y)})")


def _short(pixels: float) -> str:
    return f"{pixels:.1f}".removesuffix(".0")


def _written(root: ET.Element) -> str:
    ET.indent(root, " ")
    return ET.tostring(root, encoding="unicode") + "\n"
