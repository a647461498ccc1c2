"""Lines over time, as SVG: readable on light and on dark ground."""

from collections.abc import Callable, Iterator, Sequence

from .judgement import Sample

WIDTH, HEIGHT, TOP, LEFT, GAP = 760, 110, 28, 80, 34
"""In pixels: of the picture and of each panel, above the first, left of all, between them."""

PANELS: tuple[tuple[str, str, Callable[[Sample], float]], ...] = (
    ("memory, MiB", "#2f7ed8", lambda sample: sample.resident_mib),
    ("requests behind", "#c0504d", lambda sample: sample.lag),
    ("share of its core", "#3a9a5b", lambda sample: sample.cpu),
)


def draw(samples: Sequence[Sample]) -> str:
    """Draw a panel for each of what was sampled, each from 0 up."""
    height = TOP + len(PANELS) * (HEIGHT + GAP)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="13" fill="#808080">'
    )
    panels = [
        line
        for number, (name, colour, value) in enumerate(PANELS)
        for line in _panel(
            TOP + number * (HEIGHT + GAP),
            name,
            colour,
            [(sample.at_s, value(sample)) for sample in samples],
        )
    ]
    return "\n".join([head, *panels, "</svg>", ""])


def _panel(
    top: float, name: str, colour: str, points: Sequence[tuple[float, float]]
) -> Iterator[str]:
    most = max([value for _, value in points] + [1e-9])
    end = max([at for at, _ in points] + [1e-9])
    across = WIDTH - LEFT - 20
    line = " ".join(
        f"{LEFT + across * at / end:.1f},{top + HEIGHT * (1 - value / most):.1f}"
        for at, value in points
    )
    bottom = top + HEIGHT
    shown = f"{most:,.0f}" if most >= 100 else f"{most:.2g}"
    yield f'<text x="{LEFT}" y="{top - 8}">{name}</text>'
    yield f'<text x="{LEFT - 8}" y="{top + 10}" text-anchor="end">{shown}</text>'
    yield f'<text x="{LEFT - 8}" y="{bottom}" text-anchor="end">0</text>'
    yield f'<text x="{WIDTH - 20}" y="{bottom + 15}" text-anchor="end">{end / 60:.1f} min</text>'
    yield (
        f'<path d="M{LEFT} {top}V{bottom}H{LEFT + across}" fill="none" stroke="#808080" '
        'stroke-width="1"/>'
    )
    yield f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.5"/>'
