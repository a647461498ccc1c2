"""The rehearsal, told: its fences as a table, the burn-down as a table and as a picture."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from markupsafe import Markup
from rich.console import Console
from rich.table import Table

from slotkeeper.cli.exit.rehearse.story import Asked, Story
from slotkeeper.looks import charts
from slotkeeper.looks.pages import day, environment, number, stylesheet
from slotkeeper.looks.states import State as Look
from slotkeeper.slots.exit.facts import utc_text
from slotkeeper.slots.exit.states import MEANS
from slotkeeper.slots.exit.survey import PACE_DAYS, Day

_HERE = Path(__file__).parent
_NAMED = 10
"""Hubs that are named; the rest is counted."""


def print_story(console: Console, story: Story) -> None:
    """Print the fences week by week, then what was decided and found."""
    console.print(sentence(story))
    table = Table(title="Week by week", title_justify="left")
    for heading in ("fence", "state"):
        table.add_column(heading, no_wrap=True)
    for heading in ("baseline", "joined", "left"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("states")
    for one in story.fences:
        states = ", ".join(f"{count:,} {state}" for state, count in one.states.items() if count)
        numbers = (f"{count:,}" for count in (one.baseline, one.joined, one.left))
        table.add_row(str(one.at.date()), one.phase, *numbers, states)
    console.print(table)
    if story.woken:
        more = f" and {len(story.woken) - _NAMED} more" if len(story.woken) > _NAMED else ""
        console.print(f"Found holding after closing: {', '.join(story.woken[:_NAMED])}{more}")
    for reason in story.ignored:
        console.print(f"An act counted for nothing: {reason}")


def sentence(story: Story) -> str:
    """Say how it ended."""
    last = story.fences[-1]
    told = (
        f"The exit ended {last.phase}: of {last.baseline + last.joined:,} devices "
        f"{last.left:,} are left."
    )
    if story.breach is not None:
        told += f" BREACH: {story.breach:,} devices held the certificates when they were revoked."
    if last.stranded:
        told += f" {last.stranded:,} are STRANDED."
    return told


def story_json(story: Story) -> dict[str, Any]:
    """Give it for a program to read."""
    return {
        "state": story.fences[-1].phase,
        "breach": story.breach,
        "found_after_closing": story.woken,
        "ignored": story.ignored,
        "fences": [
            {
                "at": utc_text(one.at),
                "state": one.phase,
                "baseline": one.baseline,
                "joined": one.joined,
                "left": one.left,
                "stranded": one.stranded,
                "residue": one.residue,
                "identity_exact": one.exact,
                "states": {state.value: count for state, count in one.states.items() if count},
            }
            for one in story.fences
        ],
        "burn_down": [asdict(one) for one in story.days],
    }


def write_pictures(folder: Path, story: Story, asked: Asked) -> None:
    """Write the burn-down as a page and as a picture of its own."""
    picture = burn_down(story)
    page = environment(_HERE).get_template("burn_down.html")
    html = page.render(
        sentence=sentence(story),
        said=said(story),
        picture=picture,
        fences=story.fences,
        days=story.days,
        means={state.value: text for state, text in MEANS.items()},
        last=story.fences[-1],
        asked=asked,
    )
    (folder / "burn-down.html").write_text(html, encoding="utf-8")
    (folder / "burn-down.svg").write_text(_alone(picture), encoding="utf-8")


def said(story: Story) -> str:
    """Say what the picture shows."""
    days = story.days
    if not days:
        return "The exit was never opened, so that there is nothing to show."
    end = next((one for one in days if one.left == 0), None)
    done = f"nothing was left on {day(end.day)}" if end else f"{number(days[-1].left)} were left"
    return (
        f"{number(days[0].baseline)} devices held certificates of the party, or might, when the "
        f"exit was opened on {day(days[0].day)}; {number(days[-1].joined)} joined, and {done}."
    )


def burn_down(story: Story) -> Markup:
    """Draw baseline, joined, what was left day by day, and one forecast with its assumption."""
    days = story.days
    if not days:
        return Markup()
    first = days[0]
    joined = [(0, first.baseline), *((at, one.baseline + one.joined) for at, one in _ends(days))]
    left = [(0, first.baseline), *((at, one.left) for at, one in _ends(days))]
    rows = [
        charts.Line(name="baseline", points=[(0, first.baseline), (len(days), first.baseline)]),
        charts.Line(name="baseline and joined", points=joined, state=Look.WAITING),
        charts.Line(name="left", points=left, state=Look.ACT),
    ]
    if forecast := _forecast(story):
        rows.append(forecast)
    ends = (day(days[0].day), day(days[-1].day))
    return charts.lines("burn-down", "Burn-down of the exit", said(story), rows, "devices", ends)


def _ends(days: Sequence[Day]) -> Iterator[tuple[int, Day]]:
    return enumerate(days, start=1)


def _forecast(story: Story) -> charts.Line | None:
    """Give what was forecast at the first fence that knew a pace for whole weeks."""
    opened = story.days[0].day
    for one in story.fences:
        at = (one.at.date() - opened).days
        if at >= PACE_DAYS and one.pace > 0 and one.left:
            until = min(at + one.left / one.pace, len(story.days))
            reached = one.left - one.pace * (until - at)
            name = f"forecast of {day(one.at.date())}: {one.pace:g} a day"
            return charts.Line(name=name, points=[(at, one.left), (until, reached)], dashed=True)
    return None


def _alone(picture: Markup) -> str:
    """Give the picture with its own style, for who has no page around it."""
    style = f"<style>{stylesheet()}</style>"
    opening, rest = str(picture).split(">", 1)
    return f'{opening} xmlns="http://www.w3.org/2000/svg">{style}{rest}'
