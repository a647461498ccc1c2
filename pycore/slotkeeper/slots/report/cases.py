"""Single devices of a build, with everything that the rule was asked about them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import orjson

from slotkeeper.slots.build.folder import Build
from slotkeeper.slots.build.layout import PLACE
from slotkeeper.slots.facts import (
    Cell,
    Certificates,
    Device,
    Meter,
    Party,
    Policy,
    Registered,
    Slot,
)
from slotkeeper.slots.registers.history_text import history_of
from slotkeeper.slots.registers.records import MAX_TEXT
from slotkeeper.slots.rule import Judgement, decide
from slotkeeper.slots.tables import Tables

from .joining import ended
from .judging import certificates_of, judge_all
from .writing import DEVICES


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What told of a slot as it is.

    Attributes:
        since: The day from which both cells are as they are; None: not known.
        clock: Whose that day is: DEVICE, RECEIVED, DECISION.
        place: Partition and offset of the decision in the audit trail.
        digest: SHA-256 of the message.
    """

    since: date | None = None
    clock: str | None = None
    place: tuple[int, int] | None = None
    digest: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A device and what was asked about it.

    Attributes:
        row: What a report says, by its columns.
        asserted: Of parties and certificates by their keys: who said so, and when.
        build: The number of the build.
        built_at: When it was made.
    """

    device: Device
    slot: Slot
    told: Told
    registration: tuple[Registered, ...]
    parties: Mapping[str, Party]
    certificates: Certificates
    policy: Policy
    as_of: date
    judgement: Judgement
    row: Mapping[str, Any]
    asserted: Mapping[str, str] = field(default_factory=dict)
    build: str
    built_at: str


def device_types(made: Tables, build: Build, device: str) -> tuple[str, str | None] | None:
    """Give a device's type and the GPF that it names; None where the inventory has no such one."""
    rows = made.rows(
        f"SELECT device_type, gpf FROM {build.table('devices')} WHERE device = $1",  # noqa: S608
        [device],
    )
    return next(iter(rows), None)


def devices_at(made: Tables, build: Build, mprn: str) -> list[str]:
    """Give the GPFs that a meter point may be at: by their gas meters, or their own records."""
    devices = build.table("devices")
    rows = made.rows(
        f"SELECT gpf FROM {devices} WHERE device_type = 'GSME' AND mprn = $1 AND gpf IS NOT NULL "  # noqa: S608
        f"UNION SELECT device FROM {devices} WHERE device_type = 'GPF' AND mprn = $1 ORDER BY 1",
        [mprn],
    )
    return [device for (device,) in rows]


def cases(
    made: Tables, build: Build, policy: Policy, as_of: date, devices: Sequence[str]
) -> Iterator[Case]:
    """Judge some GPFs, and give each with all that was asked; for few of them.

    Those that the inventory does not have are left out.
    """
    registers = judge_all(made, build, policy, as_of, only=devices)
    certificates = certificates_of(registers)
    asserted = _asserted(made, build)
    whose = "device IN (FROM wanted)"
    rows = {row["device_id"]: row for row in made.named(DEVICES.format(whose=whose))}
    for found in made.named(f"SELECT * FROM joined WHERE {whose} ORDER BY device"):  # noqa: S608
        device, slot = _device(made, found, build), _slot(found)
        registration = history_of(found["registered"])
        yield Case(
            device=device,
            slot=slot,
            told=_told(made, found, as_of),
            registration=registration,
            parties=registers.parties,
            certificates=certificates,
            policy=policy,
            as_of=as_of,
            judgement=decide(
                device, slot, registration, registers.parties, certificates, policy, as_of
            ),
            row=rows[found["device"]],
            asserted=asserted,
            build=build.name,
            built_at=str(build.manifest["made_at"]),
        )


def _device(made: Tables, found: Mapping[str, Any], build: Build) -> Device:
    own = made.one("SELECT mprn FROM gpfs WHERE device = $1", [found["device"]])
    meters = made.rows(
        "SELECT device, mprn, commissioned_on FROM gsmes WHERE gpf = $1 ORDER BY device",
        [found["device"]],
    )
    return Device(
        device_id=found["device"],
        status=found["status"],
        known_on=build.made_on,
        smets_version=found["smets_version"],
        commissioned_on=found["commissioned_on"],
        mprn=own,
        gas_network_party=found["gas_network_party"],
        meters=tuple(
            Meter(device_id=device, mprn=mprn, commissioned_on=day) for device, mprn, day in meters
        ),
        mprn_elsewhere=found["mprn_elsewhere"],
    )


def _slot(found: Mapping[str, Any]) -> Slot:
    def cell(usage: str) -> Cell | None:
        identity, doubtful = found[f"{usage}_eui"], found[f"{usage}_doubtful"]
        if identity is None and not doubtful:
            return None
        key = found[f"{usage}_key"] or ""
        return Cell(subject_eui64=identity or "", key_identifier=key, doubtful=doubtful)

    return Slot(
        digital_signature=cell("ds"),
        key_agreement=cell("ka"),
        evidence=found["evidence"],
        acb_since=found["acb_since"],
        acb_put_by=found["acb_put_by"],
    )


def _told(made: Tables, found: Mapping[str, Any], as_of: date) -> Told:
    told = made.rows(
        "SELECT audit_partition, audit_offset, digest FROM told "  # noqa: S608  # a constant
        f'WHERE device = $1 AND "at" < $2 ORDER BY {PLACE} DESC LIMIT 1',
        [found["device"], ended(as_of)],
    )
    row = next(told, None)
    return Told(
        since=found["since"],
        clock=found["since_source"],
        place=None if row is None else (row[0], row[1]),
        digest=None if row is None else row[2],
    )


def _asserted(made: Tables, build: Build) -> dict[str, str]:
    """Read who asserted each party and certificate, and when."""
    found = {}
    for name in ("parties", "certificates"):
        for key, record in made.rows(f"SELECT key, record FROM {build.table(name)}"):  # noqa: S608
            try:
                told = orjson.loads(record)
                source, at = told.get("source"), str(told.get("asserted_at") or "")[:10]
            except (orjson.JSONDecodeError, AttributeError):
                continue
            if not isinstance(source, str) or not source.isprintable() or len(source) > MAX_TEXT:
                continue
            name_of = str(told.get("serial")) if name == "certificates" else key
            found[name_of] = f"{source}, {at}" if at else source
    return found
