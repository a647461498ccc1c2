"""Pictures of pages, and the tree of a decoded message, as templates call them."""

from datetime import date, datetime, timedelta
from typing import Any

from markupsafe import Markup, escape

from slotkeeper.looks.charts import Bar, Line, bars, columns, lines
from slotkeeper.looks.pages import ago, day, number
from slotkeeper.looks.states import FINDINGS, State

from .views.certificates import Month
from .views.exits import Exit
from .views.glossary import places
from .views.overview import Count, Course

MOST_NODES = 5_000
"""Members of a decoded message that are shown; one of CS02b has some 200."""


def finding_bars(rows: list[Count]) -> Markup:
    """Draw devices by finding."""
    told = ", ".join(f"{one.name} {one.devices}" for one in rows)
    return bars(
        "findings",
        "Devices by finding",
        f"Bars from zero, the longest first: {told}.",
        [
            Bar(name=one.name, value=one.devices, state=FINDINGS.get(one.name, State.UNKNOWN))
            for one in rows
        ],
    )


def course_lines(course: Course) -> Markup:
    """Draw who held the slots, day by day."""
    rows = [
        Line(
            name=f"{title} {points[-1]:,}",
            points=[(float(at), float(value)) for at, value in enumerate(points)],
            state=state,
        )
        for name, title, state in (
            ("ACB", "ACB", State.WAITING),
            ("OPERATOR", "Operator", State.GOOD),
            ("UNKNOWN", "Unknown", State.UNKNOWN),
        )
        if any(points := course.holders[name])
    ]
    told = "; ".join(f"{row.name} at the end" for row in rows)
    return lines(
        "course",
        "Slots by holder, over time",
        f"Lines from {day(course.days[0])} to {day(course.days[-1])}: {told}.",
        rows,
        "devices",
        (day(course.days[0]), day(course.days[-1])),
    )


def month_columns(calendar: list[Month]) -> Markup:
    """Draw certificates by the month in which they expire."""
    told = ", ".join(f"{one.month} {one.certificates}" for one in calendar if one.certificates)
    return columns(
        "calendar",
        "Certificates in use by month of expiry",
        f"Columns from zero: {told}.",
        [Bar(name=one.month[:3], value=one.certificates) for one in calendar],
    )


def burn_down(told: Exit) -> Markup:
    """Draw what is left of an exit, with the forecast dashed where there is one."""
    days = told.burn_down
    first = date.fromisoformat(days[0].day)
    left = [(float(at), float(one.left)) for at, one in enumerate(days)]
    whole = [(float(at), float(told.baseline + one.joined)) for at, one in enumerate(days)]
    rows = [
        Line(name="plan", points=whole, state=State.UNKNOWN),
        Line(name=f"left {number(days[-1].left)}", points=left, state=State.ACT),
    ]
    last = date.fromisoformat(days[-1].day)
    if told.forecast_on:
        ends = date.fromisoformat(told.forecast_on)
        forecast = [left[-1], (float((ends - first).days), 0.0)]
        rows.append(Line(name="forecast", points=forecast, dashed=True, state=State.ACT))
        last = max(last, ends)
    return lines(
        "burn-down",
        f"Burn-down of the exit of {told.party_id}",
        f"From {day(first)} to {day(last)}: {days[0].left} devices were left, "
        f"then {days[-1].left}.",
        rows,
        "devices",
        (day(first), day(last)),
    )


def since(value: object, now: datetime) -> str:
    """Say how long ago a time was; empty for what is no time."""
    try:
        told = datetime.fromisoformat(str(value))
    except ValueError:
        return ""
    return ago(told, now) if told.tzinfo is not None else ""


def apart(device_time: str, received_at: str) -> str:
    """Say how far the device's clock is from the receipt; empty where that is less than a minute.

    An answer that slept behind its hub comes late; a clock that is ahead of the receipt is wrong.
    """
    try:
        late = datetime.fromisoformat(received_at) - datetime.fromisoformat(device_time)
    except (TypeError, ValueError):
        return ""
    if abs(late) < timedelta(minutes=1):
        return ""
    if late < timedelta(0):
        return f"{_length(-late)} before the device's clock"
    return f"{_length(late)} later"


def _length(span: timedelta) -> str:
    for unit, name in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        count = int(span.total_seconds()) // unit
        if count:
            return f"{number(count)} {name}{'' if count == 1 else 's'}"
    return "less than a minute"


class Glosses:
    """Links terms to the glossary, each once; one for each page that is made."""

    def __init__(self) -> None:
        """Begin a page."""
        self._linked: set[str] = set()

    def __call__(self, term: str, shown: str = "") -> Markup:
        """Give a term, as a link where it stands first."""
        place = places()[term.lower()]
        if place in self._linked:
            return escape(shown or term)
        self._linked.add(place)
        return Markup('<a class="term" href="/glossary#{}">{}</a>').format(place, shown or term)


def commands(text: str) -> Markup:
    """Show what stands between backticks, a command or an option, as code."""
    parts = [escape(part) for part in text.split("`")]
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if at % 2 and at < len(parts) - 1 else part
        for at, part in enumerate(parts)
    )


def tree(value: dict[str, Any]) -> Markup:
    """Show a decoded message as nested lists: names and values, escaped."""
    left = [MOST_NODES]
    return Markup('<ul class="tree top">{}</ul>').format(_members(value, left))


def _members(value: dict[str, Any], left: list[int]) -> Markup:
    return Markup("").join(
        _node(name, one, left) for name, one in value.items() if one is not None and one != []
    )


def _node(name: str, value: Any, left: list[int]) -> Markup:  # noqa: ANN401
    left[0] -= 1
    if left[0] < 0:
        return Markup("")
    if isinstance(value, dict):
        return Markup('<li>{}<ul class="tree">{}</ul></li>').format(
            _word(name), _members(value, left)
        )
    if isinstance(value, list):
        inner = Markup("").join(_node(str(at), one, left) for at, one in enumerate(value, start=1))
        return Markup('<li>{}<ul class="tree">{}</ul></li>').format(_word(name), inner)
    return Markup("<li>{}: <code>{}</code></li>").format(_word(name), escape(_told(value)))


def _word(name: str) -> str:
    return name.replace("_", " ")


def _told(value: object) -> str:
    return (
        {True: "true", False: "false"}.get(value, str(value))
        if isinstance(value, bool)
        else str(value)
    )
