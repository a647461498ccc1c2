"""Random parties, certificates, registrations, devices and slots, told to streams and to a test."""

import base64
import hashlib
import random
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric import ec
from tests.slots.desk import PKI, anchor
from tests.slots.fleet import ACB, ACB_DS, ACB_KA, Fleet, device
from tests.slots.second_rule import Told, World

from slotkeeper.lab import certificates
from slotkeeper.lab.terms import Eui64, KeyUsage, Role
from slotkeeper.streams import Message

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
FIRST, LAST = date(2024, 6, 1), NOW.date()
RETIRED_DS = "c" * 16
METER_POINTS = 600
DAYS = 8
"""That a world is asked about."""

_METERS = 20_000
"""Numbers of gas meters begin here."""

_SOURCES = {
    "OUTCOME": "ACB_IN_SLOT",
    "ALERT": "CREDENTIALS_UPDATED",
    "READ_BACK": "READ_BACK",
    "IMPORT": "IMPORTED",
}
_ROLES = {"02": Role.SUPPLIER, "03": Role.NETWORK_OPERATOR, "04": Role.ACCESS_CONTROL_BROKER}


@dataclass
class Drawn:
    """What was drawn.

    Attributes:
        as_of: Days that are worth asking about: others lie just before and after them.
        world: For the second rule.
        devices: Each with its gas meters.
    """

    as_of: list[date]
    world: World
    devices: list[tuple[dict[str, Any], list[dict[str, Any]]]] = field(default_factory=list)


class _Draw:
    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311  # a fleet, no secret
        # Days near each other, so that rules about equal, earlier and later days are met.
        span = (LAST - FIRST).days
        self.anchors = [FIRST + timedelta(days=self.random.randrange(span)) for _ in range(24)]
        self.cells: dict[str, list[tuple[str, str]]] = {"DS": [], "KA": []}
        self.own: dict[tuple[str | None, str], list[tuple[str, str]]] = {}

    def day(self) -> date:
        shift = self.random.choice([0, 0, 0, 1, -1, 6, 7, 8, -6, -7, -8, 30, -200])
        return min(self.random.choice(self.anchors) + timedelta(days=shift), LAST)

    def maybe(self, chance: float) -> bool:
        return self.random.random() < chance

    def days(self, count: int) -> list[str]:
        return sorted({str(self.day()) for _ in range(count)})


def drawn(seed: int, devices: int) -> Drawn:
    """Draw a world."""
    draw = _Draw(seed)
    names = [f"PARTY-{number}" for number in range(24)]
    parties = {name: _party(draw, name, number) for number, name in enumerate(names, start=1)}
    held = [one for party in parties.values() for one in _certificates(draw, party)]
    held += _strangers(draw)
    for one in held:
        cell = (one["subject_eui64"], one["key_identifier"])
        draw.cells[one["key_usage"]].append(cell)
        draw.own.setdefault((one["party_id"], one["key_usage"]), []).append(cell)
    registrations = {str(mprn): _history(draw, names) for mprn in range(METER_POINTS)}
    found = Drawn(
        sorted(draw.anchors)[-DAYS:],
        World(parties, held, registrations, LAST),
    )
    for number in range(devices):
        gpf, meters = _device(draw, number, names)
        found.devices.append((gpf, meters))
        points = [registrations.get(one["mprn"] or "", []) for one in meters]
        named = [entry["gas_network_party"] for history in points for entry in history]
        if told := _slot(draw, draw.random.choice([*named, None])):
            found.world.told[device(number)] = told
    return found


async def publish(fleet: Fleet, world: Drawn) -> None:
    """Tell the streams of it."""

    def message(stream: str, key: str, record: dict[str, Any]) -> Message:
        return Message(stream, key.encode(), orjson.dumps(record))

    told = world.world
    records = [message("gas-network-parties", key, one) for key, one in told.parties.items()]
    records += [
        message("smki-organisation-certificates", f"{one['issuer']}/{one['serial']}", one)
        for one in told.certificates
    ]
    records += [
        message("gas-registrations", mprn, {"mprn": mprn, "history": history})
        for mprn, history in told.registrations.items()
    ]
    for gpf, meters in world.devices:
        records += [
            message("smart-metering-inventory", one["device_id"], one) for one in (gpf, *meters)
        ]
    await fleet.desk.streams.publish(records)
    for number, (gpf, _) in enumerate(world.devices):
        for one in told.told.get(gpf["device_id"], ()):
            cells = {"digital_signature": one.ds, "key_agreement": one.ka}
            fleet.decided(
                number,
                (None, None),
                one.at,
                existed=(one.ds_before, one.ka_before),
                reason=_SOURCES[one.source],
                slot={
                    usage: cell
                    and {"subject_unique_id": cell[0], "subject_key_identifier": cell[1]}
                    for usage, cell in cells.items()
                }
                | {"state": "DOUBTFUL" if one.doubtful else "NETWORK_OPERATOR"},
            )


def _party(draw: _Draw, name: str, number: int) -> dict[str, Any]:
    identities = [_eui(Role.NETWORK_OPERATOR, number)]
    if draw.maybe(0.3):
        identities.append(_eui(Role.NETWORK_OPERATOR, 100 + number))
    users: list[dict[str, Any]] = [{"from": "2024-07-01", "until": None}]
    exits: list[dict[str, Any]] = []
    if draw.maybe(0.4):
        days = draw.days(draw.random.choice([0, 1, 2, 3, 4, 5]))
        pairs = zip(days[::2], [*days[1::2], None], strict=False)
        users = [{"from": first, "until": until} for first, until in pairs]
        if len(users) > 1 and draw.maybe(0.5):
            # One period begins on the day on which another ends.
            users[0]["until"] = users[1]["from"]
    for intent in draw.days(draw.random.choice([0, 0, 1, 1, 2])):
        later = sorted(day for day in draw.days(6) if day >= intent)
        exits.append(
            {
                "intent_on": intent,
                "cancelled_on": later[0] if later and draw.maybe(0.5) else None,
                "keys_kept_until": draw.random.choice(later) if draw.maybe(0.7) and later else None,
            }
        )
    return {
        "party_id": name,
        "name": name,
        "kind": "GNO",
        "eui64": identities,
        "dcc_user": users,
        "exits": exits,
    }


def _certificates(draw: _Draw, party: dict[str, Any]) -> list[dict[str, Any]]:
    """Draw a party's certificates: none, renewed ones, others for a key that had one already."""
    found = []
    for usage in ("DS", "KA"):
        for number in range(draw.random.choice([0, 1, 1, 1, 1, 2, 2, 2, 3, 4])):
            eui = draw.random.choice(party["eui64"])
            key = f"{eui} {usage} {0 if draw.maybe(0.3) else number}"
            plain = draw.maybe(0.5)
            first = date(2024, 7, 1) if plain else draw.day()
            ends = draw.random.choice([first + timedelta(days=900), *draw.anchors])
            until = ends if ends > first and draw.maybe(0.6) else None
            found.append(
                _certificate(
                    draw,
                    (key, f"{key} {number}"),
                    eui,
                    usage,
                    "03",
                    party["party_id"],
                    (first, until),
                )
            )
    return found


def _strangers(draw: _Draw) -> list[dict[str, Any]]:
    """Draw certificates of suppliers, of electricity operators, and of another ACB."""
    valid = (date(2024, 7, 1), None)
    return [
        _certificate(
            draw, (f"{role} {usage}",) * 2, _eui(_ROLES[role], 999), usage, role, None, valid
        )
        for role in ("02", "03", "04")
        for usage in ("DS", "KA")
    ]


def _certificate(  # noqa: PLR0917  # what a certificate has
    draw: _Draw,
    names: tuple[str, str],
    eui: str,
    usage: str,
    role: str,
    party: str | None,
    valid: tuple[date, date | None],
) -> dict[str, Any]:
    begins = datetime.combine(valid[0], datetime.min.time(), UTC)
    ends = datetime(2040, 1, 1, tzinfo=UTC)
    if valid[1]:
        # Just before midnight it is still valid at the end of that day.
        hour = draw.random.choice([(0, 0, 0), (12, 0, 0), (23, 59, 59)])
        ends = datetime(*valid[1].timetuple()[:3], *hour, tzinfo=UTC)
    key = ec.derive_private_key(int.from_bytes(_digest(names[0]), "big") >> 1, ec.SECP256R1())
    profile = certificates.Profile(
        key_usage=KeyUsage.DIGITAL_SIGNATURE if usage == "DS" else KeyUsage.KEY_AGREEMENT,
        role=_ROLES[role],
        eui=Eui64.of(int(eui.replace("-", ""), 16)),
        not_before=begins,
        not_after=ends,
        serial=b"\x40" + _digest(names[1])[:15],
    )
    issuer = PKI.issuing.credential
    der = certificates.write(profile, key.public_key(), issuer.details, issuer.key)
    codes = (
        ["I"] if draw.maybe(0.6) else draw.random.choices("PINERI", k=draw.random.choice([1, 2, 3]))
    )
    days = sorted([str(valid[0]), *(str(draw.day()) for _ in codes[1:])])
    # Two on one day would be told apart by their order alone.
    told = dict(zip(days, codes, strict=True))
    return {
        "serial": profile.serial.hex().upper(),
        "issuer": anchor(PKI.issuing).subject.rfc4514_string(),
        "subject_eui64": eui,
        "party_id": party,
        "role_code": role,
        "key_usage": usage,
        "key_identifier": certificates.read(der).key_identifier.hex(),
        "not_before": begins.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "not_after": ends.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "status": [
            {
                "code": code,
                "from": day,
                "source": draw.random.choice(["REPOSITORY", "CRL", "MANUAL"]),
            }
            for day, code in told.items()
        ],
        "certificate": base64.b64encode(der).decode(),
    }


def _history(draw: _Draw, names: list[str]) -> list[dict[str, Any]]:
    days = ["2024-06-15"] * draw.maybe(0.7) + draw.days(draw.random.choice([0, 0, 1, 1, 2, 3]))
    party: str | None = draw.random.choice(names)
    entries = []
    for first in sorted(set(days)):
        # Mostly the supplier changes and the network does not.
        if draw.maybe(0.3):
            party = draw.random.choice([*names, None, "NOBODY"])
        supplier = draw.random.choice(["SUP-1", "SUP-2", "SUP-3", None])
        entries.append({"from": first, "gas_network_party": party, "gas_supplier": supplier})
    return entries


def _device(
    draw: _Draw, number: int, names: list[str]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    def commissioned() -> str | None:
        odd = [None, "2015-12-31", "2016-01-01", "2031-01-01", str(LAST), str(LAST + timedelta(1))]
        return draw.random.choice(odd) if draw.maybe(0.1) else str(draw.day())

    def status() -> str:
        odd = ["Suspended", "Recovery", "Decommissioned", "Withdrawn", "Pending", "Whitelisted"]
        return draw.random.choice(odd) if draw.maybe(0.1) else "Commissioned"

    def mprn() -> str | None:
        return None if draw.maybe(0.1) else str(draw.random.randrange(METER_POINTS + 10))

    gpf = {
        "device_id": device(number),
        "device_type": "GPF",
        "status": status(),
        "smets_version": "SMETS1" if draw.maybe(0.02) else "SMETS2",
        "commissioned_on": commissioned(),
        "mprn": mprn() if draw.maybe(0.2) else None,
        "gas_network_party": draw.random.choice(names) if draw.maybe(0.1) else None,
    }
    meters = [
        {
            "device_id": device(_METERS + 3 * number + nth),
            "device_type": "GSME",
            "gpf": device(number),
            "status": status(),
            "commissioned_on": gpf["commissioned_on"] if draw.maybe(0.5) else commissioned(),
            "mprn": mprn(),
        }
        for nth in range(draw.random.choice([0, 1, 1, 1, 1, 1, 1, 2, 3]))
    ]
    return gpf, meters


def _slot(draw: _Draw, party: str | None) -> list[Told]:
    """Draw what is told of a slot that is mostly a party's, in the order of the times."""

    def pair() -> tuple[tuple[str, str] | None, tuple[str, str] | None]:
        if draw.maybe(0.45):
            ds = ACB_DS if draw.maybe(0.8) else RETIRED_DS
            other = draw.random.choice([None, None, *draw.cells["KA"][:2]])
            return (ACB, ds), ((ACB, ACB_KA) if draw.maybe(0.7) else other)
        if (party, "DS") in draw.own and (party, "KA") in draw.own and draw.maybe(0.6):
            ka = [*draw.own[party, "KA"], None]
            return draw.random.choice(draw.own[party, "DS"]), draw.random.choice(ka)
        ds_cell = draw.random.choice(
            [*draw.cells["DS"], (ACB, "d" * 16), ("90-B3-D5-1F-30-FF-00-01", "1" * 16), None]
        )
        same = [cell for cell in draw.cells["KA"] if ds_cell and cell[0] == ds_cell[0]]
        others = [
            *draw.cells["KA"],
            (ACB, ACB_KA),
            (ACB, "d" * 16),
            ("90-B3-D5-1F-30-FF-00-01", "1" * 16),
            None,
        ]
        return ds_cell, draw.random.choice(same if same and draw.maybe(0.6) else others)

    days = sorted({draw.day() for _ in range(draw.random.choice([0, 1, 1, 1, 2, 3, 4]))})
    history: list[Told] = []
    for day in days:
        ds, ka = pair()
        doubtful = draw.maybe(0.04)
        if ds is None and ka is None and not doubtful:
            continue
        second = draw.random.choice([0, 43_200, 86_399])
        before = pair() if not history and draw.maybe(0.6) else (None, None)
        history.append(
            Told(
                datetime.combine(day, datetime.min.time(), UTC) + timedelta(seconds=second),
                ds,
                ka,
                draw.random.choice([*_SOURCES, "OUTCOME", "OUTCOME", "OUTCOME"]),
                doubtful,
                *before,
            )
        )
    return history


def _eui(role: Role, number: int) -> str:
    text = f"021AB0{int(role):02X}{number:08X}"
    return "-".join(text[at : at + 2] for at in range(0, 16, 2))


def _digest(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()
