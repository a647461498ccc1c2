"""Pictures of a page as SVG: bars, columns and lines that fit any width.

Places across are percentages and sizes of text are pixels, so that a picture grows and shrinks with
its column and its text does not. Colours are the page's, by class. Title and description are there
for who cannot see the picture; text stays text. The numbers stand in a table below each of them.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from xml.etree import ElementTree as ET  # nothing is parsed

from markupsafe import Markup

from .pages import number
from .states import SHAPES, State

_ROW, _BAR, _TEXT = 48, 16, 20
"""Pixels: of a bar with the line of text above it, of the bar alone, and of a line of text."""

_MARK = 24
"""Pixels that a state's shape takes before its word."""

_HEIGHT = 240
"""Pixels of a picture with an axis that goes up."""

_STEPS = 4
"""At most, on an axis that goes up: lines that help, not a grid."""


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One bar or column.

    Attributes:
        name: In words.
        value: Its length, from zero.
        told: The figure, as it is written beside the name; empty: the value.
        state: Gives shape and hue; None: neither.
    """

    name: str
    value: int
    told: str = ""
    state: State | None = None


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line of values over time, or over anything else that runs on.

    Attributes:
        name: Stands at the line's end.
        points: Places across and values up, in order.
        dashed: It was not measured: a forecast.
        state: Gives the hue; None: that of text.
    """

    name: str
    points: Sequence[tuple[float, float]]
    dashed: bool = False
    state: State | None = None


def bars(name: str, title: str, description: str, rows: Sequence[Bar]) -> Markup:
    """Draw bars to the right from zero, each below its name and figure.

    Args:
        name: An id that no other picture of the page has.
        title: What is shown.
        description: What is to be seen, for who does not see it.
        rows: From top to bottom.
    """
    root = _picture(name, title, description, len(rows) * _ROW)
    most = max([row.value for row in rows], default=0) or 1
    for index, row in enumerate(rows):
        top = index * _ROW
        _shape(root, row.state, top + 2)
        indent = _MARK if row.state else 0
        _text(root, f"{indent}", top + _TEXT - 4, row.name)
        _text(root, "100%", top + _TEXT - 4, row.told or number(row.value), "end")
        _rectangle(root, ("0", top + _TEXT), ("100%", _BAR), "track")
        if row.value:
            size = (_percent(max(row.value / most, 0.002)), _BAR)
            _rectangle(root, ("0", top + _TEXT), size, f"bar {row.state or 'plain'}")
    return _written(root)


def columns(name: str, title: str, description: str, rows: Sequence[Bar]) -> Markup:
    """Draw columns up from zero, each with its figure on top and its name below: a histogram.

    Args:
        name: An id that no other picture of the page has.
        title: What is shown.
        description: What is to be seen, for who does not see it.
        rows: From left to right; names are short.
    """
    root = _picture(name, title, description, _HEIGHT)
    most = max([row.value for row in rows], default=0) or 1
    bottom, wide = _HEIGHT - _TEXT - 8, 1 / max(len(rows), 1)
    for index, row in enumerate(rows):
        high = (bottom - _TEXT) * row.value / most
        high = max(high, 1.0) if row.value else 0.0
        middle = _percent((index + 0.5) * wide)
        left = _percent((index + 0.1) * wide)
        size = (_percent(0.8 * wide), high)
        _rectangle(root, (left, bottom - high), size, f"bar {row.state or 'plain'}")
        _text(root, middle, bottom - high - 6, row.told or number(row.value), "middle")
        _text(root, middle, _HEIGHT - 6, row.name, "middle")
    _stroke(root, ("0", bottom), ("100%", bottom), "axis")
    return _written(root)


def lines(  # noqa: PLR0917  # a picture and its three axes' texts
    name: str, title: str, description: str, rows: Sequence[Line], unit: str, ends: tuple[str, str]
) -> Markup:
    """Draw lines that run to the right, over an axis from zero up.

    Args:
        name: An id that no other picture of the page has.
        title: What is shown.
        description: What is to be seen, for who does not see it.
        rows: The lines; each has at least one point.
        unit: Of what goes up.
        ends: What stands below the first and the last place across.
    """
    root = _picture(name, title, description, _HEIGHT)
    places = [at for row in rows for at, _ in row.points]
    first, last = min(places), max(places)
    top, bottom = 2 * _TEXT, _HEIGHT - _TEXT - 8
    most, step = _axis([value for row in rows for _, value in row.points])

    def at(point: tuple[float, float]) -> tuple[str, float]:
        across = (point[0] - first) / (last - first) if last > first else 0.0
        return _percent(across), bottom - (bottom - top) * point[1] / most

    _text(root, "0", _TEXT - 6, unit, "quiet")
    for count in range(round(most / step) + 1):
        up = bottom - (bottom - top) * count * step / most
        _stroke(root, ("0", up), ("100%", up), "grid" if count else "axis")
        if count:
            _text(root, "0", up - 4, number(round(count * step)), "quiet")
    for row in rows:
        style = f"line {row.state or 'plain'}{' dashed' if row.dashed else ''}"
        drawn = [at(point) for point in row.points]
        for one, following in pairwise(drawn):
            _stroke(root, one, following, style)
    for up, row in _apart([(at(row.points[-1])[1], row) for row in rows], bottom):
        _text(root, at(row.points[-1])[0], up - 6, row.name, "label end")
    _text(root, "0", _HEIGHT - 6, ends[0], "quiet")
    _text(root, "100%", _HEIGHT - 6, ends[1], "quiet end")
    return _written(root)


def _apart(labels: list[tuple[float, Line]], bottom: float) -> list[tuple[float, Line]]:
    """Move names of lines up until none covers another."""
    placed: list[tuple[float, Line]] = []
    free = bottom
    for up, row in sorted(labels, key=lambda label: -label[0]):
        place = min(up, free)
        placed.append((place, row))
        free = place - _TEXT
    return placed


def _axis(values: Sequence[float]) -> tuple[float, float]:
    """Give where an axis from zero ends, and its step: one, two or five of a power of ten."""
    most = max([*values, 1.0])
    decade = 10.0 ** math.floor(math.log10(most / _STEPS))
    step = next(decade * by for by in (1, 2, 5, 10) if decade * by >= most / _STEPS)
    step = max(step, 1.0)
    return step * math.ceil(most / step), step


def _picture(name: str, title: str, description: str, height: int) -> ET.Element:
    told = {"role": "img", "aria-labelledby": f"{name}-title {name}-description"}
    size = {"class": "picture", "width": "100%", "height": str(height)}
    root = ET.Element("svg", size | told)
    ET.SubElement(root, "title", {"id": f"{name}-title"}).text = title
    ET.SubElement(root, "desc", {"id": f"{name}-description"}).text = description
    return root


def _text(root: ET.Element, x: str, y: float, text: str, style: str = "") -> None:
    place = {"x": x, "y": _short(y)}
    ET.SubElement(root, "text", {"class": style, **place} if style else place).text = text


def _shape(root: ET.Element, state: State | None, top: float) -> None:
    if state:
        told = {"class": f"shape {state}", "d": SHAPES[state]}
        ET.SubElement(root, "path", told | {"transform": f"translate(0 {_short(top)})"})


def _rectangle(
    root: ET.Element, place: tuple[str, float], size: tuple[str, float], style: str
) -> None:
    corner = {"x": place[0], "y": _short(place[1])}
    ET.SubElement(
        root, "rect", {"class": style, **corner, "width": size[0], "height": _short(size[1])}
    )


def _stroke(root: ET.Element, begin: tuple[str, float], end: tuple[str, float], style: str) -> None:
    ends = {"x1": begin[0], "y1": _short(begin[1]), "x2": end[0], "y2": _short(end[1])}
    ET.SubElement(root, "line", {"class": style, **ends})


def _percent(part: float) -> str:
    return f"{100 * part:.2f}%"


def _short(pixels: float) -> str:
    return f"{pixels:.1f}".removesuffix(".0")


def _written(root: ET.Element) -> Markup:
    # Every text was escaped when it was written.
    return Markup(ET.tostring(root, encoding="unicode"))  # noqa: S704
