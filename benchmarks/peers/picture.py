"""Bars, as SVG: readable on light and on dark ground."""

from collections.abc import Iterator, Mapping
from html import escape

WIDTH, BAR, GAP, LABELS = 760, 26, 14, 210
"""In pixels: of the picture, a bar's height, the space after it, the names' width."""

ROOM = 90
"""Beside the longest bar, for its figure."""

OWN, OTHERS = "#2f7ed8", "#8c8c8c"


def draw(bars: Mapping[str, float]) -> str:
    """Draw a bar for each name; the worker's own are coloured."""
    height = 40 + len(bars) * (BAR + GAP)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="13" fill="#808080">'
    )
    title = (
        f'<text x="{LABELS}" y="20">committed requests a second, one core and the broker\'s</text>'
    )
    return "\n".join([head, title, *_bars(bars), "</svg>", ""])


def _bars(bars: Mapping[str, float]) -> Iterator[str]:
    longest = max([*bars.values(), 1.0])
    for number, (name, value) in enumerate(bars.items()):
        top = 34 + number * (BAR + GAP)
        middle = top + BAR * 0.68
        width = (WIDTH - LABELS - ROOM) * value / longest
        colour = OWN if name.startswith("Slotkeeper") else OTHERS
        yield f'<text x="{LABELS - 10}" y="{middle:.0f}" text-anchor="end">{escape(name)}</text>'
        yield (f'<rect x="{LABELS}" y="{top}" width="{width:.1f}" height="{BAR}" fill="{colour}"/>')
        yield f'<text x="{LABELS + width + 8:.1f}" y="{middle:.0f}">{value:,.0f}</text>'
