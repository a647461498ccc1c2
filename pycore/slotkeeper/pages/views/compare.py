"""What two reports say differently: compared by a command that runs beside, then shown."""

import csv
from collections.abc import Iterator
from http import HTTPStatus
from itertools import islice

from slotkeeper.looks.pages import number
from slotkeeper.pages.desk import Desk
from slotkeeper.pages.jobs import Job
from slotkeeper.pages.listing import Frozen
from slotkeeper.pages.reports import Compared, Report
from slotkeeper.pages.route import Ask, GoToError, NotThereError, Refused

from .overview import Count

MOST_ROWS = 1_000
"""Rows that the page shows; the CSV has all."""

_HEADER = b"device_id,column,first,second\n"


class Row(Frozen):
    """One column in which a device's rows differ."""

    device_id: str
    column: str
    first: str
    second: str


class Comparison(Frozen):
    """What two reports say differently.

    Attributes:
        before: Name of the first; empty until two are chosen.
        after: Name of the second.
        names: Those that can be chosen.
        sentence: How it stands.
        devices: How many differ; None until the two were compared.
        columns: In which columns how many do.
        total: Rows, one for each column in which a device differs.
        shown: The first thousand rows.
        error: What was wrong with what was posted.
    """

    before: str
    after: str
    names: list[str]
    sentence: str
    devices: int | None
    columns: list[Count]
    total: int
    shown: list[Row]
    error: str


def compare(desk: Desk, ask: Ask) -> Comparison | Refused[Comparison]:
    """Show what two reports say differently; two that were posted are compared first."""
    if ask.form:
        error = _begin(desk, *(ask.form.get(one, "") for one in ("before", "after")))
        return Refused(said=_none_chosen(desk, error), status=HTTPStatus.UNPROCESSABLE_ENTITY)
    chosen = _chosen(desk, ask)
    if chosen is None:
        return _none_chosen(desk)
    one, other = chosen
    found = desk.comparisons.find(one, other)
    if found is None:
        return _said(desk, one, other, sentence="These two were not compared yet.")
    differ = "1 device differs" if found.devices == 1 else f"{number(found.devices)} devices differ"
    return _said(
        desk,
        one,
        other,
        sentence=f"{differ} between {one.as_of} (build {one.build}) and "
        f"{other.as_of} (build {other.build}).",
        found=found,
    )


def compare_csv(desk: Desk, ask: Ask) -> Iterator[bytes]:
    """Give all rows as CSV."""
    chosen = _chosen(desk, ask)
    if chosen is None:
        return iter([_HEADER])
    found = desk.comparisons.find(*chosen)
    if found is None:
        # Not a table without rows: that would say that the two do not differ.
        raise NotThereError
    return _pieces(found)


def _begin(desk: Desk, before: str, after: str) -> str:
    one, other = desk.reports.find(before), desk.reports.find(after)
    if one is None or other is None:
        return "Choose two reports that were made here."
    if one.name == other.name:
        return "Choose two different reports."
    if desk.comparisons.find(one, other):
        raise GoToError(_page(one, other))
    job = desk.wait(_begun(desk, one, other))
    if job is None:
        return "Too many reports wait already; try again when some of them are made."
    raise GoToError(f"/jobs/{job.number}")


async def _begun(desk: Desk, one: Report, other: Report) -> Job | None:
    """Let two reports be compared beside; None if too many wait."""
    page, name = _page(one, other), desk.comparisons.name(one, other)
    last = desk.jobs.last(page)
    if last is not None and last.goes_on:
        # Its folder is being filled: an empty one is made for a new job alone.
        return last
    place = desk.comparisons.making(name)
    return await desk.jobs.add(
        f"comparison of {one.as_of} and {other.as_of}",
        ["report", "compare", str(one.folder), str(other.folder), "--to", str(place)],
        leads_to=page,
        finish=lambda: desk.comparisons.finished(name),
        with_settings=False,
    )


def _page(one: Report, other: Report) -> str:
    return f"/compare?before={one.name}&after={other.name}"


def _chosen(desk: Desk, ask: Ask) -> tuple[Report, Report] | None:
    before, after = (ask.query.get(one, "") for one in ("before", "after"))
    if not (before and after):
        return None
    one, other = desk.reports.find(before), desk.reports.find(after)
    if one is None or other is None:
        raise NotThereError
    return one, other


def _none_chosen(desk: Desk, error: str = "") -> Comparison:
    names = [one.name for one in desk.reports.all()]
    return Comparison(
        before="",
        after="",
        names=names,
        sentence="Choose two reports."
        if len(names) > 1
        else "A comparison needs two reports: make another one first.",
        devices=None,
        columns=[],
        total=0,
        shown=[],
        error=error,
    )


def _said(
    desk: Desk, one: Report, other: Report, *, sentence: str, found: Compared | None = None
) -> Comparison:
    return Comparison(
        before=one.name,
        after=other.name,
        names=[report.name for report in desk.reports.all()],
        sentence=sentence,
        devices=found.devices if found else None,
        columns=[Count(name=name, devices=count) for name, count in found.columns.items()]
        if found
        else [],
        total=sum(found.columns.values()) if found else 0,
        shown=_rows(found) if found else [],
        error="",
    )


def _rows(found: Compared) -> list[Row]:
    with found.rows.open(newline="", encoding="utf-8") as file:
        rows = csv.reader(file)
        next(rows, None)
        return [
            Row(device_id=device, column=column, first=first, second=second)
            for device, column, first, second in islice(rows, MOST_ROWS)
        ]


def _pieces(found: Compared) -> Iterator[bytes]:
    with found.rows.open("rb") as file:
        while piece := file.read(1 << 16):
            yield piece
