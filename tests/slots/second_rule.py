"""The rule for slots written a second time, from its text alone, to contradict the first.

It shares nothing with ``slotkeeper.slots``: it reads the records of streams as they are, asks of
every day by itself whether something held, and finds "since when" by walking back day by day. It is
slow and plain on purpose.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache, cached_property
from typing import Any

from tests.slots.test_table import CELLS, SLOTS, written

DAY = timedelta(days=1)
SINCE_2016 = date(2016, 1, 1)
FIELDS = (
    "expected",
    "finding",
    "action_by",
    "action",
    "obligation_from",
    "due_on",
    "age_days",
    "overdue_days",
)


@dataclass(frozen=True)
class Told:
    """What the audit trail said of a slot at a time: two cells, and by which kind of message."""

    at: datetime
    ds: tuple[str, str] | None
    ka: tuple[str, str] | None
    source: str
    doubtful: bool = False
    ds_before: tuple[str, str] | None = None
    ka_before: tuple[str, str] | None = None


@dataclass(frozen=True)
class Switches:
    """The policy."""

    acb: str
    acb_ds: frozenset[str]
    acb_ka: frozenset[str]
    limit: int = 7
    coverage: date | None = None
    expired_signs: bool = False
    not_in_use_signs: bool = False
    place_exiting: bool = False
    later_acts: bool = False
    both_needed: bool = True


@dataclass
class World:
    """Records as the streams have them.

    Attributes:
        parties: By id.
        certificates: Any order.
        registrations: The history of each meter point.
        built_on: The day on which the streams were read.
    """

    parties: dict[str, dict[str, Any]]
    certificates: list[dict[str, Any]]
    registrations: dict[str, list[dict[str, Any]]]
    built_on: date
    told: dict[str, list[Told]] = field(default_factory=dict)

    @cached_property
    def held(self) -> dict[tuple[str, str, str], list[dict[str, Any]]]:
        found: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
        for one in self.certificates:
            key = (one["subject_eui64"], one["key_identifier"], one["key_usage"])
            found.setdefault(key, []).append(one)
        return found

    def user(self, party: str, day: date) -> bool:
        return any(within(day, period) for period in self.parties[party]["dcc_user"])

    def exiting(self, party: str, day: date) -> bool:
        for one in self.parties[party]["exits"]:
            began = parse(one["intent_on"])
            if began > day:
                continue
            if one.get("cancelled_on") and parse(one["cancelled_on"]) <= day:
                continue
            periods = self.parties[party]["dcc_user"]
            if any(began < parse(period["from"]) <= day for period in periods):
                continue
            return True
        return False

    def certificates_in_use(self, party: str, usage: str, day: date) -> list[dict[str, Any]]:
        return [
            one
            for one in self.of_party[party, usage]
            if status(one, day) == "I" and valid(one, day)
        ]

    @cached_property
    def of_party(self) -> dict[tuple[str, str], list[dict[str, Any]]]:
        found: dict[tuple[str, str], list[dict[str, Any]]] = {
            (party, usage): [] for party in self.parties for usage in ("DS", "KA")
        }
        for one in self.certificates:
            if one["party_id"] in self.parties and one["role_code"] == "03":
                found[one["party_id"], one["key_usage"]].append(one)
        return found

    def destroyed(self, one: dict[str, Any], day: date) -> bool:
        return any(
            bool(leave.get("keys_kept_until"))
            and parse(leave["keys_kept_until"]) <= day
            and parse(one["not_before"][:10]) < parse(leave["keys_kept_until"])
            for leave in self.parties[one["party_id"]]["exits"]
        )


def judge(  # noqa: C901, PLR0911, PLR0912, PLR0915  # paragraphs, from top to bottom
    world: World,
    device: dict[str, Any],
    meters: list[dict[str, Any]],
    switches: Switches,
    as_of: date,
) -> dict[str, str] | None:
    """Judge a device; None where the rule does not apply."""
    gone = {"decommissioned", "withdrawn"}
    commissioned = day_of(device)
    if device["smets_version"] == "SMETS1" or device["status"].lower() in gone:
        return None
    if device["status"].lower() in {"pending", "whitelisted", "installednotcommissioned"}:
        return None
    if commissioned and as_of < commissioned <= world.built_on:
        return None

    # Whose slot is it? GPF -> gas meter -> meter point -> registration of the day.
    joined = [one for one in meters if one["status"].lower() not in gone]
    joined.sort(key=lambda one: (one["commissioned_on"] or "", one["device_id"]))
    meter = joined[-1] if joined else None
    mprn = (meter["mprn"] if meter else None) or device["mprn"]
    runs = world.registrations.get(mprn or "", [])
    entry = entry_of(runs, as_of)
    registered = entry["gas_network_party"] if entry else None
    name = registered or device["gas_network_party"]
    g = name if name in world.parties else None
    told = (
        {"DS": [], "KA": []}
        if g is None
        else {usage: world.certificates_in_use(g, usage, as_of) for usage in ("DS", "KA")}
    )
    subscribed = bool(told["DS"]) and (bool(told["KA"]) or not switches.both_needed)
    if g is None:
        expected = "UNDETERMINED"
    elif not world.user(g, as_of) or not subscribed:
        expected = "LEAVE_ACB"
    elif world.exiting(g, as_of):
        expected = "LEAVE_EXITING"
    else:
        expected = "PLACE_GNO_CERTIFICATE"

    # Whose is it?
    history = [one for one in world.told.get(device["device_id"], []) if one.at.date() <= as_of]
    now = state_at(world.told.get(device["device_id"], []), as_of)
    covered = bool(
        switches.coverage
        and commissioned
        and max(SINCE_2016, switches.coverage) <= commissioned <= world.built_on
    )
    ds: tuple[str, str | None, str | None] = ("ACB" if covered else "UNKNOWN", None, None)
    ka = ds
    if now is not None:
        ds = cell(world, None if now.doubtful else now.ds, "DS", g, switches, as_of)
        ka = cell(world, None if now.doubtful else now.ka, "KA", g, switches, as_of)
    same = ds[1] is not None and ds[1] == ka[1]
    letter = SLOTS[ds[0]][0 if same else 1][CELLS.split().index(ka[0])]

    if letter == "a" and expected == "LEAVE_EXITING" and switches.place_exiting:
        expected = "PLACE_GNO_CERTIFICATE"
    order = ("PLACE_GNO_CERTIFICATE", "LEAVE_ACB", "LEAVE_EXITING", "UNDETERMINED")
    finding, who, what, _ = written()[letter][order.index(expected)]
    answer = dict.fromkeys(FIELDS, "") | {
        "expected": expected,
        "finding": finding,
        "action_by": who,
        "action": what,
    }
    if letter == "s" and ds[2] == "OWNER_NOT_A_USER":
        answer |= {"action_by": "GNO_IN_SLOT", "action": "BECOME_USER"}
    if letter != "a" or expected != "PLACE_GNO_CERTIFICATE" or g is None:
        return answer

    # By when?
    fitted = day_of(meter)
    if commissioned is None or fitted is None:
        return answer | {"finding": "PENDING"}
    if not all(SINCE_2016 <= day <= world.built_on for day in (commissioned, fitted)):
        return answer | {"finding": "PENDING"}
    able = [
        since(lambda day: world.user(g, day), as_of),
        since(lambda day: bool(world.certificates_in_use(g, "DS", day)), as_of),
    ]
    if switches.both_needed:
        able.append(since(lambda day: bool(world.certificates_in_use(g, "KA", day)), as_of))
    days = [commissioned, fitted, *able]
    if registered == g:
        days.append(
            since(lambda day: (entry_of(runs, day) or {}).get("gas_network_party") == g, as_of)
        )
    days += [
        parse(one["cancelled_on"])
        for one in world.parties[g]["exits"]
        if one.get("cancelled_on") and parse(one["cancelled_on"]) <= as_of
    ]
    days.append(put_there(history, switches) or date.min)
    begins = max(days)
    answer |= {"obligation_from": str(begins), "age_days": str((as_of - begins).days)}
    if max(able) > max(commissioned, fitted) and not switches.later_acts:
        return answer | {"finding": "PLACEMENT_POSSIBLE"}
    due = begins + switches.limit * DAY
    late = as_of > due
    return answer | {
        "finding": "ACTION_ON_SUPPLIER" if late else "PENDING",
        "due_on": str(due),
        "overdue_days": str((as_of - due).days) if late else "",
    }


def day_of(record: dict[str, Any] | None) -> date | None:
    return parse(record["commissioned_on"]) if record and record["commissioned_on"] else None


def cell(  # noqa: C901, PLR0911, PLR0917  # one return a class
    world: World,
    held: tuple[str, str] | None,
    usage: str,
    g: str | None,
    switches: Switches,
    day: date,
) -> tuple[str, str | None, str | None]:
    """Give a cell's class, its party, and why the party cannot sign."""
    if held is None:
        return "UNKNOWN", None, None
    if held[0] == switches.acb:
        configured = switches.acb_ds if usage == "DS" else switches.acb_ka
        right = not held[1] or held[1] in configured
        return ("ACB" if right else "ACB_UNRECOGNISED"), None, None
    if not held[1]:
        return "UNKNOWN", None, None
    known = sorted(
        world.held.get((*held, usage), []), key=lambda one: (one["not_before"], one["serial"])
    )
    if not known:
        return "UNREGISTERED", None, None
    newest = known[-1]
    if newest["role_code"] == "04":
        return "ACB_UNRECOGNISED", None, None
    if newest["role_code"] != "03" or newest["party_id"] is None:
        return "ALIEN", None, None
    owner = newest["party_id"]
    alive = [one for one in known if not world.destroyed(one, day)]
    if not any(signs(one, switches, day) for one in alive):
        if len(alive) < len(known):
            why = "KEYS_DESTROYED"
        elif any(status(one, day) == "R" for one in known):
            why = "REVOKED"
        elif any(status(one, day) == "E" or ended(one, day) for one in known):
            why = "EXPIRED"
        else:
            why = "NOT_IN_USE"
    else:
        why = "" if world.user(owner, day) else "OWNER_NOT_A_USER"
    whose = "OWN" if owner == g else "OTHER"
    return f"{whose}_{'CANNOT' if why else 'CAN'}", owner, why or None


def signs(one: dict[str, Any], switches: Switches, day: date) -> bool:
    """Say whether a certificate still signs, whoever its owner is."""
    good = {"I"}
    if switches.expired_signs:
        good.add("E")
    if switches.not_in_use_signs:
        good.add("N")
    if status(one, day) not in good or parse(one["not_before"][:10]) > day:
        return False
    return valid(one, day) or switches.expired_signs


def status(one: dict[str, Any], day: date) -> str | None:
    codes = [entry["code"] for entry in one["status"] if parse(entry["from"]) <= day]
    if "R" in codes:
        return "R"
    return codes[-1] if codes else None


def valid(one: dict[str, Any], day: date) -> bool:
    """Say whether the last second of the day lies within the validity."""
    return parse(one["not_before"][:10]) <= day and not ended(one, day)


def ended(one: dict[str, Any], day: date) -> bool:
    last_second = datetime.combine(day + DAY, datetime.min.time(), UTC) - timedelta(seconds=1)
    return datetime.fromisoformat(one["not_after"]) < last_second


def state_at(history: list[Told], day: date) -> Told | None:
    past = [one for one in history if one.at.date() <= day]
    if past:
        return past[-1]
    if history and (history[0].ds_before or history[0].ka_before):
        first = history[0]
        return Told(first.at, first.ds_before, first.ka_before, first.source)
    return None


def put_there(history: list[Told], switches: Switches) -> date | None:
    """Give the day on which an outcome or an alert put the ACB into the slot, if one did."""
    acb: Callable[[Told], bool] = lambda one: is_acb(one, switches)  # noqa: E731
    if not history or not acb(history[-1]):
        return None
    first = history[0]
    if all(acb(one) for one in history):
        before = Told(first.at, first.ds_before, first.ka_before, first.source)
        if (first.ds_before or first.ka_before) and acb(before):
            return None
        began = first
    else:
        others = [index for index, one in enumerate(history) if not acb(one)]
        began = history[others[-1] + 1]
    return began.at.date() if began.source in {"OUTCOME", "ALERT"} else None


def is_acb(one: Told, switches: Switches) -> bool:
    if one.doubtful or one.ds is None:
        return False
    ds = one.ds[0] == switches.acb and one.ds[1] in switches.acb_ds
    ka = one.ka is None or (one.ka[0] == switches.acb and one.ka[1] in switches.acb_ka)
    return ds and ka


def since(held: Callable[[date], bool], day: date) -> date:
    """Walk back from a day on which something held to the first of its unbroken days."""
    while held(day - DAY):
        day -= DAY
        if day < SINCE_2016:
            break
    return day


def entry_of(history: list[dict[str, Any]], day: date) -> dict[str, Any] | None:
    past = [one for one in history if parse(one["from"]) <= day]
    return max(past, key=lambda one: one["from"]) if past else None


def within(day: date, period: dict[str, Any]) -> bool:
    return parse(period["from"]) <= day and (not period["until"] or day < parse(period["until"]))


@cache
def parse(text: str) -> date:
    return date.fromisoformat(text)
