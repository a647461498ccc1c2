"""A street with a house for each scenario: registers from files, slots from a store, one report."""

import asyncio
import csv
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import orjson
from click.testing import CliRunner, Result
from tests.slots.desk import PKI, answer, answers, eui, operator, pem, revocations
from tests.slots.fleet import Cells, decision, device

from slotkeeper.cli import cli
from slotkeeper.lab.keystore import write_settings
from slotkeeper.lab.pki import Organisation
from slotkeeper.lab.terms import Role
from slotkeeper.settings import Settings
from slotkeeper.streams import Message, Output, open_streams
from slotkeeper.streams.partitioning import partition_of

_AUDIT = "audit-trail"
START, COMMISSIONED = date(2024, 1, 1), date(2025, 3, 1)
DAY = date(2025, 6, 30)
"""At whose end it is judged, unless said otherwise."""

TOLD = datetime(2025, 3, 2, 12, tzinfo=UTC)
METERS = 1_000
"""The gas meter of a GPF has its number and this added."""

ACB = PKI.acb
RETIRED = PKI.organisation(Role.ACCESS_CONTROL_BROKER, generation=7)
OPERATORS: dict[str, Organisation] = {
    name: operator(number, since=START)
    for number, name in enumerate(
        ("NORTH", "SOUTH", "SUB", "GONE", "REVOKED", "LATE", "ENDS", "LEAVE", "HALF", "RENEW"), 21
    )
}
SECOND = operator(41, since=START)
"""Another identity of NORTH."""

RENEWED = operator(30, generation=1, since=date(2025, 5, 1))
"""Of RENEW."""

_PARTIES = """party_id,name,kind,eui64,dcc_user_from,dcc_user_until,intent_on
NORTH,Northern,GNO,{NORTH};{SECOND},2024-01-01,,
SOUTH,Southern,GNO,{SOUTH},2024-01-01,,
EAST,Eastern,GNO,,2024-01-01,,
WEST,Western,IGT,,,,
SUB,Subscriber,GNO,{SUB},,,
GONE,Gone,GNO,{GONE},2024-01-01,2025-01-01,
REVOKED,Revoked,GNO,{REVOKED},2024-01-01,,2024-06-01
LATE,Late,GNO,{LATE},2025-05-01,,
ENDS,Ends,GNO,{ENDS},2024-01-01,2025-06-15,
LEAVE,Leaving,GNO,{LEAVE},2024-01-01,,2025-05-01
HALF,Half,GNO,{HALF},2024-01-01,,
RENEW,Renews,GNO,{RENEW},2024-01-01,,
"""


def cells_of(one: Organisation, other: Organisation | None = None) -> Cells:
    """Give a slot's cells: the second operator's key agreement, where there is one."""
    ka = other or one
    return (
        (eui(one), one.digital_signature.details.key_identifier.hex()),
        (eui(ka), ka.key_agreement.details.key_identifier.hex()),
    )


@dataclass(frozen=True)
class House:
    """A GPF with its gas meter.

    Attributes:
        party: Of the registration; None: its meter point is not registered.
        cells: What a command left in the slot; None: no message ever.
        existed: What it found there.
        more: Members of the GPF's inventory record; ``meter`` those of the meter's.
    """

    party: str | None
    cells: Cells | None = None
    existed: Cells = (None, None)
    more: dict[str, Any] = field(default_factory=dict)
    meter: dict[str, Any] | None = field(default_factory=dict)


IN_ACB = cells_of(ACB)
HOUSES: dict[str, House] = {
    "user without": House("EAST", IN_ACB),
    "no user": House("WEST", IN_ACB),
    "due": House("NORTH", IN_ACB),
    "half subscribed": House("HALF", IN_ACB),
    "subscriber": House("SUB", IN_ACB),
    "right": House("NORTH", cells_of(OPERATORS["NORTH"])),
    "wrong": House("NORTH", cells_of(OPERATORS["SOUTH"])),
    "owner gone": House("NORTH", cells_of(OPERATORS["GONE"])),
    "revoked": House("NORTH", cells_of(OPERATORS["REVOKED"])),
    "user ends": House("ENDS", IN_ACB),
    "no meter": House(None, IN_ACB, meter=None),
    "no registration": House(None, IN_ACB),
    "old hub": House("NORTH", IN_ACB, more={"status": "Decommissioned"}),
    "new hub": House("NORTH", IN_ACB),
    "suspended": House("NORTH", IN_ACB, more={"status": "Suspended"}),
    "recovery": House("NORTH", IN_ACB, more={"status": "Recovery"}),
    "withdrawn": House("NORTH", IN_ACB, more={"status": "Withdrawn"}),
    "electricity": House("NORTH", IN_ACB, more={"device_type": "ESME"}, meter=None),
    "sold": House("SOUTH", cells_of(OPERATORS["SOUTH"])),
    "user later": House("LATE", IN_ACB),
    "renewal": House("RENEW", cells_of(OPERATORS["RENEW"])),
    "two operators": House("NORTH", cells_of(OPERATORS["NORTH"], OPERATORS["SOUTH"])),
    "half known": House("NORTH", (IN_ACB[0], None)),
    "former agreement": House("NORTH", cells_of(ACB, OPERATORS["SOUTH"])),
    "untouched": House("WEST"),
    "untouched, older": House("WEST", more={"commissioned_on": "2024-02-01"}),
    "two meters": House("NORTH", IN_ACB),
    "supplier changed": House("NORTH", IN_ACB),
    "late outcome": House("NORTH", cells_of(OPERATORS["NORTH"])),
    "no date": House("NORTH", IN_ACB, more={"commissioned_on": None}),
    "too early": House("NORTH", IN_ACB, more={"commissioned_on": "2015-12-31"}),
    "in the future": House("NORTH", IN_ACB, meter={"commissioned_on": "2099-01-01"}),
    "retired acb": House("NORTH", cells_of(RETIRED)),
    "unknown acb": House("NORTH", ((eui(ACB), "f" * 16), IN_ACB[1])),
    "two identities": House("NORTH", cells_of(OPERATORS["NORTH"], SECOND)),
    "leaving": House("LEAVE", cells_of(OPERATORS["LEAVE"])),
    "handed back": House("LEAVE", IN_ACB, existed=cells_of(OPERATORS["LEAVE"])),
    "alien": House("NORTH", cells_of(PKI.organisation(Role.SUPPLIER, 5))),
}
"""The name says the scenario; the number is the place."""

NUMBERS = {name: number for number, name in enumerate(HOUSES, start=1)}


@dataclass
class Street:
    """A folder with a store, registers, a build and its reports."""

    folder: Path

    def run(self, *words: object) -> Result:
        """Run a command of the command line, which must end well."""
        config = str(self.folder / "slotkeeper.toml")
        told = CliRunner().invoke(cli, [*map(str, words), "--config", config])
        assert told.exit_code == 0, (told.output, told.exception)
        return told

    def report(self, as_of: date = DAY, **options: object) -> dict[str, dict[str, str]]:
        """Give the rows of a report by house; a report that was made is not made again."""
        named = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
        out = self.folder / f"out-{as_of}{''.join(named).replace('/', '_')}"
        if not out.exists():
            self.run(
                "report", "--from", self.folder / "slots", f"--as-of={as_of}", f"--to={out}", *named
            )
        houses = {device(number): name for name, number in NUMBERS.items()}
        with (out / "device.csv").open(newline="") as file:
            return {houses[row["device_id"]]: row for row in csv.DictReader(file)}

    def publish(self, messages: list[Message]) -> None:
        """Append to the store, as an inventory does, and a worker to its audit trail."""
        settings = Settings.load(self.folder / "slotkeeper.toml")

        async def publish() -> None:
            async with open_streams(settings.streams, settings.streams_settings()) as streams:
                await streams.publish([one for one in messages if one.stream != _AUDIT])
                async with streams.own() as ownership:
                    for number in range(streams.partitions):
                        owned = await ownership.open(number)
                        told: list[Output] = [
                            (_AUDIT, number, one.key, one.value, [])
                            for one in messages
                            if one.stream == _AUDIT
                            and partition_of(one.key or b"", streams.partitions) == number
                        ]
                        await owned.commit(told, {})

        asyncio.run(publish())


def build_street(folder: Path) -> Street:
    """Import the registers, tell of the houses, and build."""
    write_settings(
        folder,
        [ACB],
        retired=[RETIRED],
        streams="sqlite:///streams.db",
        more='[slots]\ncoverage_from = "2025-01-01"',
    )
    street = Street(folder)
    street.publish([*_inventory(), *_decisions()])
    for register, files in _files(folder).items():
        street.run("registers", "import", register, *files)
    street.run("slots", "build", "--to", folder / "slots")
    return street


def mprn_of(name: str) -> str:
    """Give a house's meter point."""
    return "14" if name == "old hub" else str(NUMBERS[name])


def _files(folder: Path) -> dict[str, list[Path]]:
    euis = {name: eui(one) for name, one in OPERATORS.items()} | {"SECOND": eui(SECOND)}
    parties = folder / "parties.csv"
    parties.write_text(_PARTIES.format(**euis))
    own = folder / "certificates"
    own.mkdir()
    for name, one in {**OPERATORS, "SECOND": SECOND, "RENEWED": RENEWED}.items():
        both = (
            [one.digital_signature]
            if name == "HALF"
            else [one.digital_signature, one.key_agreement]
        )
        items = [
            answer(each.certificate, usage="DS" if each is one.digital_signature else "KA")
            for each in both
        ]
        (own / f"{name}.xml").write_bytes(answers(*items))
    supplier = PKI.organisation(Role.SUPPLIER, 5)
    (own / "supplier.pem").write_bytes(
        pem(supplier.digital_signature.certificate) + pem(supplier.key_agreement.certificate)
    )
    gone = OPERATORS["REVOKED"].digital_signature.certificate
    (own / "list.crl").write_bytes(
        revocations(gone, day=date(2025, 2, 1), at=datetime(2025, 2, 2, tzinfo=UTC))
    )
    registrations = folder / "registrations.csv"
    rows = [
        f"{mprn_of(name)},2024-01-01,{house.party},SUP"
        for name, house in HOUSES.items()
        if house.party and name != "old hub"
    ]
    rows += [
        f"{mprn_of('sold')},2025-06-01,NORTH,SUP",
        f"{mprn_of('supplier changed')},2025-06-01,NORTH,NEW",
    ]
    registrations.write_text("\n".join(["mprn,from,gas_network_party,gas_supplier", *rows, ""]))
    return {"parties": [parties], "certificates": [own], "registrations": [registrations]}


def _inventory() -> list[Message]:
    records: list[dict[str, Any]] = []
    for name, house in HOUSES.items():
        gpf = {
            "device_id": device(NUMBERS[name]),
            "device_type": "GPF",
            "status": "Commissioned",
            "smets_version": "SMETS2",
            "commissioned_on": str(COMMISSIONED),
            **house.more,
        }
        records.append(gpf)
        if house.meter is not None:
            records.append(_meter(NUMBERS[name], mprn_of(name), **house.meter))
    two = NUMBERS["two meters"]
    records.append(
        _meter(2 * METERS + two, mprn_of("right"), gpf=device(two), commissioned_on="2025-04-01")
    )
    return [
        Message("smart-metering-inventory", one["device_id"].encode(), orjson.dumps(one))
        for one in records
    ]


def _meter(number: int, mprn: str, **members: Any) -> dict[str, Any]:  # noqa: ANN401
    return {
        "device_id": device(METERS + number),
        "device_type": "GSME",
        "status": "Commissioned",
        "smets_version": "SMETS2",
        "gpf": device(number),
        "mprn": mprn,
        "commissioned_on": str(COMMISSIONED),
        **members,
    }


def _decisions() -> list[Message]:
    return [
        told_of(name, house.cells, TOLD, house.existed)
        for name, house in HOUSES.items()
        if house.cells
    ]


def told_of(name: str, cells: Cells, at: datetime, existed: Cells = (None, None)) -> Message:
    """Write what the audit trail says of a house's slot."""
    number = NUMBERS[name]
    return Message(_AUDIT, device(number).encode(), decision(number, cells, at, existed))
