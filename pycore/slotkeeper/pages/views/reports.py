"""Reports: those that were made, a new one of any day, downloads, and what differs between two."""

from datetime import UTC, date, datetime

from slotkeeper.looks.pages import day, number
from slotkeeper.pages.desk import Desk
from slotkeeper.pages.jobs import Job
from slotkeeper.pages.judged import own_devices, own_listed
from slotkeeper.pages.listing import Frozen, csv_lines
from slotkeeper.pages.reports import FILES, Report, newest_build
from slotkeeper.pages.route import Ask, GoToError, NotThereError, Octets
from slotkeeper.slots.build.folder import Build

from .devices import DEVICES
from .overview import Count


class Made(Frozen):
    """A report in the list; its totals are for who sees all."""

    name: str
    as_of: date
    build: str
    built_at: str
    judged: int | None
    to_act: int | None


class JobRow(Frozen):
    """Something that runs beside."""

    number: int
    what: str
    state: str
    begun: str | None
    ended: str | None
    said: str
    leads_to: str


class Reports(Frozen):
    """The page of reports.

    Attributes:
        sentence: How it stands.
        latest: The last day that a report can be of.
        reports: Newest first.
        jobs: What runs, waits, or has ended lately.
        error: What was wrong with what was posted.
        asked: The day that was posted, so that nothing is lost on an error.
    """

    sentence: str
    latest: date | None
    reports: list[Made]
    jobs: list[JobRow]
    error: str
    asked: str


class Whole(Frozen):
    """What a report's page says."""

    name: str
    sentence: str
    as_of: date
    build: str
    built_at: str
    warnings: list[str]
    gpfs: int
    judged: int
    findings: list[Count]
    not_applicable: list[Count]
    evidence: list[Count]
    files: list[str]
    others: list[str]


class OneJob(Frozen):
    """A job's page: it refreshes until the job is over."""

    job: JobRow
    sentence: str
    runs: bool


def reports(desk: Desk, ask: Ask) -> Reports:
    """List reports; a day that was posted begins one."""
    build = newest_build(desk.slots)
    error, asked = "", ask.form.get("as_of", "")[:10]
    # What is no day is written again into its field, but for what is no text either.
    asked = asked if asked.isprintable() else ""
    if ask.form:
        error = _begin(desk, ask, build)
    made = [_made(one, whole=ask.person.sees_all) for one in desk.reports.all()]
    return Reports(
        sentence="1 report was made here."
        if len(made) == 1
        else f"{len(made)} reports were made here.",
        latest=build.made_on if build else None,
        reports=made,
        jobs=[job_row(job) for job in desk.jobs.all()[:10]] if ask.person.sees_all else [],
        error=error,
        asked=asked,
    )


def _begin(  # one return a refusal
    desk: Desk, ask: Ask, build: Build | None
) -> str:
    if not ask.person.sees_all:
        return "Only the DCC and auditors have reports made; yours is of the newest one."
    try:
        asked = date.fromisoformat(ask.form.get("as_of", ""))
    except ValueError:
        return "Write a day as 2026-11-26."
    if build is None:
        return "No build has been made yet: a report is made of one."
    if asked > build.made_on:
        return f"The last build was made on {build.made_on} and knows no later day."
    if asked.year < 2016:  # noqa: PLR2004  # no device of SMETS2 is older
        return "No device was commissioned before 2016."
    name = desk.reports.name(asked, build.name)
    if desk.reports.find(name):
        raise GoToError(f"/reports/{name}")
    job = desk.wait(begin_report(desk, asked, build.name))
    if job is None:
        return "Too many reports wait already; try again when some of them are made."
    raise GoToError(f"/jobs/{job.number}")


async def begin_report(desk: Desk, as_of: date, build: str) -> Job | None:
    """Let a report be made beside; None if too many wait."""
    name = desk.reports.name(as_of, build)
    last = desk.jobs.last(f"/reports/{name}")
    if last is not None and last.goes_on:
        # Its folder is being filled: an empty one is made for a new job alone.
        return last
    place = desk.reports.making(name)
    manifest = desk.slots / "builds" / build / "manifest.json"
    arguments = ["report", "--from", str(desk.slots), "--as-of", str(as_of), "--to", str(place)]
    arguments += ["--format", "csv,json,parquet", "--known-by", str(manifest)]
    return await desk.jobs.add(
        f"report as of {as_of}",
        arguments,
        leads_to=f"/reports/{name}",
        finish=lambda: desk.reports.finished(name),
    )


def job(desk: Desk, ask: Ask) -> OneJob:
    """Show how far a job is."""
    number = ask.path["number"]
    found = desk.jobs.find(int(number)) if number.isascii() and number.isdecimal() else None
    if found is None:
        raise NotThereError
    sentences = {
        "waiting": "It waits for its turn.",
        "running": "It runs now.",
        "done": "It is done.",
        "failed": "It failed.",
    }
    return OneJob(
        job=job_row(found),
        sentence=sentences[found.state],
        runs=found.state in ("waiting", "running"),
    )


def report(desk: Desk, ask: Ask) -> Whole:
    """Show one report."""
    found = _found(desk, ask)
    totals = found.totals
    if ask.person.sees_all:
        findings = _counts(totals["findings"])
    else:
        findings = _own_findings(desk, ask, found)
    judged = sum(one.devices for one in findings)
    rest = ask.person.sees_all
    return Whole(
        name=found.name,
        sentence=f"{number(judged)} devices were judged as of {day(found.as_of)}.",
        as_of=found.as_of,
        build=found.build,
        built_at=found.built_at,
        warnings=found.warnings,
        gpfs=int(totals["gpfs"]) if rest else judged,
        judged=judged,
        findings=findings,
        not_applicable=_counts(totals["not_applicable"]) if rest else [],
        evidence=_counts(totals["evidence"]) if rest else [],
        files=[one for one in FILES if (found.folder / one).is_file()] if rest else [],
        others=[one.name for one in desk.reports.all() if one.name != found.name][:20],
    )


def download(desk: Desk, ask: Ask) -> Octets:
    """Give a file of a report."""
    found = _found(desk, ask)
    name = ask.path["file"]
    if name not in FILES or not (found.folder / name).is_file():
        raise NotThereError
    kind = "text/csv; charset=utf-8" if name.endswith(".csv") else "application/json"
    return Octets(name=f"{found.name}-{name}", content_type=kind, parts=found.folder / name)


def own_rows(desk: Desk, ask: Ask) -> Octets:
    """Give a person's own rows of the newest report as CSV."""
    found = _found(desk, ask)
    if desk.judged is None or desk.judged.report.name != found.name:
        raise NotThereError
    lines = csv_lines(desk.judged, DEVICES, {}, own_listed(ask.person))
    return Octets(name=f"{found.name}-own.csv", content_type="text/csv; charset=utf-8", parts=lines)


def _own_findings(desk: Desk, ask: Ask, found: Report) -> list[Count]:
    """Count a person's own devices; of the newest report alone, whose rows say whose each is."""
    if desk.judged is None or desk.judged.report.name != found.name:
        raise NotThereError
    where, given = own_devices(ask.person)
    rows = desk.judged.rows(
        f"SELECT finding, sum(devices)::BIGINT AS devices FROM total WHERE {where} "  # noqa: S608
        "GROUP BY finding ORDER BY devices DESC, finding",
        given,
    )
    return [Count(name=row["finding"], devices=row["devices"]) for row in rows]


def _found(desk: Desk, ask: Ask) -> Report:
    found = desk.reports.find(ask.path["report"])
    if found is None:
        raise NotThereError
    return found


def _made(one: Report, *, whole: bool) -> Made:
    findings = one.totals["findings"]
    return Made(
        name=one.name,
        as_of=one.as_of,
        build=one.build,
        built_at=one.built_at,
        judged=int(one.totals["judged"]) if whole else None,
        to_act=int(findings.get("ACTION_ON_SUPPLIER", 0)) if whole else None,
    )


def _counts(told: dict[str, int]) -> list[Count]:
    found = [Count(name=name, devices=int(devices)) for name, devices in told.items()]
    return sorted(found, key=lambda one: (-one.devices, one.name))


def job_row(job: Job) -> JobRow:
    """Show a job in a list."""
    return JobRow(
        number=job.number,
        what=job.what,
        state=job.state,
        begun=_time(job.begun_ms),
        ended=_time(job.ended_ms),
        said=job.said,
        leads_to=job.leads_to if job.state == "done" else "",
    )


def _time(milliseconds: int | None) -> str | None:
    if milliseconds is None:
        return None
    return datetime.fromtimestamp(milliseconds / 1_000, UTC).isoformat(timespec="seconds")
