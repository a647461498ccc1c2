"""The templates of pages: escaped by themselves, strict about what they are given."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from .states import FINDINGS, SHAPES, State

_HERE = Path(__file__).parent

THIN = "\N{NARROW NO-BREAK SPACE}"
"""Between thousands: it keeps a number in one piece."""

_UNITS = (
    (timedelta(days=1), "day"),
    (timedelta(hours=1), "hour"),
    (timedelta(minutes=1), "minute"),
)


def stylesheet() -> str:
    """Give the stylesheet of all pages: it names no other file and no other host."""
    return (_HERE / "looks.css").read_text()


def environment(*folders: Path) -> Environment:
    """Make the environment of templates in folders, those shared by all pages included.

    Text is escaped, and a name that nobody has set is an error. ``base.html`` is the frame of a
    page, ``macros.html`` has tags, tables, figures, summaries and banners.
    """
    made = Environment(
        loader=FileSystemLoader([*folders, _HERE / "templates"]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"number": number, "day": day, "moment": moment, "ago": ago, "share": share}
    made.filters |= {"breakable": breakable}
    given: dict[str, Any] = {
        "shapes": {state.value: path for state, path in SHAPES.items()},
        "state_of": lambda finding: FINDINGS.get(finding, State.UNKNOWN).value,
        # A constant of this package, without anything from outside.
        "stylesheet": lambda: Markup(stylesheet()),  # noqa: S704
    }
    made.globals |= given
    return made


def number(value: int) -> str:
    """Write a number with thin spaces between its thousands."""
    return f"{value:,}".replace(",", THIN)


def share(part: int, whole: int) -> str:
    """Write a part of a whole in percent; what is not nothing is never shown as nothing."""
    if whole <= 0:
        return "-"
    percent = 100 * part / whole
    if 0 < percent < 0.1:  # noqa: PLR2004  # one digit is shown
        return f"< 0.1{THIN}%"
    if 99.9 < percent < 100:  # noqa: PLR2004  # nor is a part shown as the whole
        return f"> 99.9{THIN}%"
    return f"{percent:.1f}{THIN}%"


def day(value: date | str | None) -> str:
    """Write a day as people do: 26 Nov 2026. None is a dash."""
    if value is None or value == "":
        return "-"
    told = date.fromisoformat(value) if isinstance(value, str) else value
    return f"{told.day} {told:%b %Y}"


def moment(value: datetime | str) -> str:
    """Write a time as people do, with its zone: 26 Nov 2026, 14:03:07 UTC."""
    told = datetime.fromisoformat(value) if isinstance(value, str) else value
    told = told.astimezone(UTC)
    return f"{day(told.date())}, {told:%H:%M:%S} UTC"


def breakable(word: str) -> Markup:
    """Let a word of the vocabularies go on in the next line after an underscore, and only there."""
    return Markup("_<wbr>").join(escape(part) for part in word.split("_"))


def ago(value: datetime, now: datetime) -> str:
    """Say how long ago something was; it stands beside the time, never in its place."""
    past = now - value
    if past < timedelta(0):
        return "in the future"
    for unit, name in _UNITS:
        if past >= unit:
            count = past // unit
            return f"{number(count)} {name}{'' if count == 1 else 's'} ago"
    return "just now"
