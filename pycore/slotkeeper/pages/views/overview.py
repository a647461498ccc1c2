"""The overview: what needs somebody now, then the figures."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from slotkeeper.looks.pages import number
from slotkeeper.pages.desk import Desk
from slotkeeper.pages.journal.taking import AUDIT, DEAD_LETTERS
from slotkeeper.pages.judged import Judged, own_devices
from slotkeeper.pages.listing import Frozen
from slotkeeper.pages.persons import Person
from slotkeeper.pages.route import Ask

FRESH = timedelta(days=1)
"""Older facts are said to be old first (P44)."""

ANSWERED = timedelta(hours=24)
"""A command that waits longer for its answer is worth a look: a device answers at once or, behind a
sleeping hub, within hours (inferred)."""

_DAY = timedelta(days=1)


class Matter(Frozen):
    """Something that a person should know or do now.

    Attributes:
        state: How it stands, a word of the looks.
        word: The same for who reads.
        sentence: What is the case.
        advice: What to do.
        path: The page with the rest; empty if there is none.
    """

    state: str
    word: str
    sentence: str
    advice: str
    path: str


class Count(Frozen):
    """A figure with its name."""

    name: str
    devices: int


class Course(Frozen):
    """Who held the slots at the end of each day: devices by holder."""

    days: list[str]
    holders: dict[str, list[int]]


class Rate(Frozen):
    """Decisions of a kind in the last hour and the last day."""

    disposition: str
    hour: int
    day: int


class Overview(Frozen):
    """What the overview says.

    Attributes:
        sentence: The answer.
        matters: What needs somebody, the worst first.
        as_of: The day of the report below; None until there is one.
        built_at: When its facts were read.
        judged: Devices in it, of those that may be seen.
        findings: Of these.
        course: Over the last quarter; of the whole fleet, for who sees all.
        rates: What the worker decided.
        last_decision: When it decided last.
    """

    sentence: str
    matters: list[Matter]
    as_of: date | None
    built_at: str | None
    judged: int
    findings: list[Count]
    course: Course | None
    rates: list[Rate]
    last_decision: str | None


def overview(desk: Desk, ask: Ask) -> Overview:
    """Say what is wrong now, then how everything stands."""
    person, judged = ask.person, desk.judged
    matters = [*_failures(desk)] if person.sees_all else []
    matters += _freshness(desk, ask.now)
    if judged is not None:
        matters += _devices(judged, person)
    if person.sees_all:
        matters += [*_worker(desk), *_journal(desk, ask.now)]
    findings = _findings(judged, person) if judged else []
    return Overview(
        sentence=_sentence(matters),
        matters=sorted(matters, key=lambda one: _ORDER.index(one.state)),
        as_of=judged.as_of if judged else None,
        built_at=judged.report.built_at if judged else None,
        judged=sum(one.devices for one in findings),
        findings=findings,
        course=_course(judged) if judged and person.sees_all else None,
        rates=_rates(desk, ask.now) if person.sees_all else [],
        last_decision=_last(desk) if person.sees_all else None,
    )


_URGENT = ("lost", "wrong", "act", "unknown")
_ORDER = (*_URGENT, "waiting", "good")


def _sentence(matters: list[Matter]) -> str:
    urgent = [one for one in matters if one.state in _URGENT]
    if not urgent:
        return "Everything is alright now: nothing needs you."
    things = "1 thing needs" if len(urgent) == 1 else f"{len(urgent)} things need"
    return f"{things} somebody now."


def _failures(desk: Desk) -> Iterator[Matter]:
    failed = next((job for job in desk.jobs.all() if job.ended_ms is not None), None)
    if failed is not None and failed.state == "failed":
        yield Matter(
            state="wrong",
            word="Failed",
            sentence=f"The last job, {failed.what}, failed.",
            advice=failed.said.splitlines()[0] if failed.said else "It said nothing.",
            path="/reports",
        )


def _freshness(desk: Desk, now: datetime) -> Iterator[Matter]:
    if desk.judged is None:
        yield Matter(
            state="waiting",
            word="Waiting",
            sentence="There is no report yet: nothing is known of devices as a whole.",
            advice="It is made at once where [console] build_every is set; else run "
            "`slotkeeper slots build` into this data folder.",
            path="/reports",
        )
        return
    age = now - datetime.fromisoformat(desk.judged.report.built_at)
    if age > FRESH:
        yield Matter(
            state="act",
            word="Old",
            sentence=f"The facts below were read {age.days} days ago: nothing later is known.",
            advice="Find out why no build was made since.",
            path="/reports",
        )
    for warning in desk.judged.report.warnings:
        yield Matter(
            state="act",
            word="Look",
            sentence=f"{warning[:1].upper()}{warning[1:]}.",
            advice="Until that is put right, findings may be UNDETERMINED.",
            path="/parties",
        )


_FINDINGS = (
    (
        "STRANDED",
        "Stranded",
        "lost",
        "hold a certificate whose owner cannot sign",
        "Nobody can put that right remotely; the list says why of each.",
    ),
    (
        "ALIEN_CERTIFICATE",
        "Alien",
        "lost",
        "hold a certificate of another role",
        "DCC security looks into each.",
    ),
    (
        "WRONG_GNO",
        "Wrong GNO",
        "wrong",
        "hold another operator's certificate",
        "The operator in the slot sends 6.15.1.",
    ),
    ("PARTIAL", "Partial", "wrong", "were changed in one cell only", "Each says who finishes it."),
    (
        "UNKNOWN",
        "Unknown",
        "unknown",
        "have a slot of which nothing certain is known",
        "A read-back (6.24.1) tells; what contradicts itself counts as unknown as well.",
    ),
)


def _devices(judged: Judged, person: Person) -> Iterator[Matter]:
    where, given = own_devices(person)
    late = judged.count(
        f"SELECT sum(devices) FROM total WHERE action_by = 'SUPPLIER' AND late AND {where}",  # noqa: S608
        given,
    )
    if late:
        yield Matter(
            state="act",
            word="Overdue",
            sentence=f"{_devices_have(late)} been waiting for a supplier's 6.21 beyond the day.",
            advice="Suppliers place the operator's certificates; the list names them.",
            path="/devices?finding=ACTION_ON_SUPPLIER",
        )
    for finding, word, state, what, advice in _FINDINGS:
        found = judged.count(
            f"SELECT sum(devices) FROM total WHERE finding = ? AND {where}",  # noqa: S608
            [finding, *given],
        )
        if found:
            told = f"{_devices_(found)} {_singular(what) if found == 1 else what}"
            yield Matter(
                state=state,
                word=word,
                sentence=f"{told}.",
                advice=advice,
                path=f"/devices?finding={finding}",
            )


def _worker(desk: Desk) -> Iterator[Matter]:
    for one in desk.workers:
        if one.ready is not True:
            yield Matter(
                state="wrong",
                word="Not ready",
                sentence=f"The worker at {one.address} is not ready: {one.said}.",
                advice="Its log says more.",
                path="/workers",
            )


def _journal(desk: Desk, now: datetime) -> Iterator[Matter]:
    since = _before(now, _DAY)
    letters = desk.journal.count(
        "SELECT count(*) FROM record WHERE stream = ? AND at >= ?", (DEAD_LETTERS, since)
    )
    if letters:
        what = "1 record" if letters == 1 else f"{number(letters)} records"
        yield Matter(
            state="act",
            word="Dead letters",
            sentence=f"{what} of the last day could not be read.",
            advice="Each says what is wrong with it; one that was put right can be replayed.",
            path="/dead-letters",
        )
    waiting = desk.journal.count(
        "SELECT count(*) FROM pending LEFT JOIN record ON record.device = pending.device "
        "AND stream = 'cs02b-commands' AND record.number = pending.number WHERE at < ?",
        (_before(now, ANSWERED),),
    )
    if waiting:
        what = "1 command has" if waiting == 1 else f"{number(waiting)} commands have"
        yield Matter(
            state="waiting",
            word="Pending",
            sentence=f"{what} had no answer for more than a day.",
            advice="A new request for such a device gets a higher number.",
            path="/pending",
        )
    parked = desk.journal.count("SELECT count(*) FROM parked")
    if parked:
        what = "1 record is" if parked == 1 else f"{number(parked)} records are"
        yield Matter(
            state="waiting",
            word="Parked",
            sentence=f"{what} kept until more is known.",
            advice="They are judged again when the inventory or a register says more.",
            path="/parked",
        )


def _findings(judged: Judged, person: Person) -> list[Count]:
    where, given = own_devices(person)
    rows = judged.rows(
        f"SELECT finding, sum(devices)::BIGINT AS devices FROM total WHERE {where} "  # noqa: S608
        "GROUP BY finding ORDER BY devices DESC, finding",
        given,
    )
    return [Count(name=row["finding"], devices=row["devices"]) for row in rows]


def _course(judged: Judged) -> Course:
    changes: dict[date, dict[str, int]] = {}
    for row in judged.rows("SELECT day, held, more FROM slot_day"):
        changes.setdefault(row["day"], {})[row["held"]] = row["more"]
    if not changes:
        return Course(days=[], holders={})
    first, last = min(changes), judged.as_of
    held = dict.fromkeys(("ACB", "OPERATOR", "UNKNOWN"), 0)
    days, course = [], {name: list[int]() for name in held}
    for ordinal in range(first.toordinal(), last.toordinal() + 1):
        day = date.fromordinal(ordinal)
        for name, more in changes.get(day, {}).items():
            held[name] += more
        days.append(day.isoformat())
        for name, devices in held.items():
            course[name].append(devices)
    return Course(days=days, holders=course)


def _rates(desk: Desk, now: datetime) -> list[Rate]:
    hour, day = _before(now, timedelta(hours=1)), _before(now, _DAY)
    rows = desk.journal.rows(
        "SELECT word, count(*) FILTER (WHERE at >= ?) AS hour, count(*) AS day FROM record "
        "WHERE stream = ? AND at >= ? AND word IS NOT NULL GROUP BY word ORDER BY day DESC, word",
        (hour, AUDIT, day),
    )
    return [Rate(disposition=row["word"], hour=row["hour"], day=row["day"]) for row in rows]


def _last(desk: Desk) -> str | None:
    row = desk.journal.one("SELECT max(at) AS at FROM record WHERE stream = ?", (AUDIT,))
    return row["at"] if row else None


def _before(now: datetime, by: timedelta) -> str:
    """Give a time as records have it; texts of that form sort as times do."""
    return (now - by).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _devices_(count: int) -> str:
    return "1 device" if count == 1 else f"{number(count)} devices"


def _singular(what: str) -> str:
    """Give the words for one device: hold, were, have."""
    verb, _, rest = what.partition(" ")
    return f"{ {'hold': 'holds', 'were': 'was', 'have': 'has'}[verb] } {rest}"


def _devices_have(count: int) -> str:
    return "1 device has" if count == 1 else f"{number(count)} devices have"
