"""Every command and what it may be asked, for tests that are about all of them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from slotkeeper.cli import cli

from .hostile import MARKUP, TEXT

ARGUMENT = TEXT.replace("\0", "")
"""As far as an operating system passes it on."""

DEVICE = "02-1A-B0-01-00-00-00-01"
METER_POINT = "1000000003"

STREAMS = (
    "gas-network-parties",
    "smki-organisation-certificates",
    "gas-registrations",
    "gno-exits",
    "smart-metering-inventory",
    "slot-baselines",
    "srv-6.15.1-requests",
    "srv-6.15.1-responses",
    "srv-6.24.1-responses",
    "srv-6.21-responses",
    "srv-6.21-requests",
    "counter-adjustments",
    "dcc-alerts",
)

ANYTHING = {
    "device_id": DEVICE,
    "remote_party_role": "NetworkOperator",
    "kind": "recorded",
    "at_least": "7",
    "reason": "because",
    "by": ["ann"],
    "source": "a desk",
    "request_id": f"90-B3-D5-1F-30-02-00-00:{DEVICE}:1",
    "response_code": "I0",
    "received_at": "2026-11-22T08:00:00Z",
    "at": "2026-11-22T08:00:00Z",
}
"""For streams that nothing was published to."""


@dataclass(frozen=True)
class Site:
    """The folder of a rehearsed exit."""

    folder: Path

    @property
    def at(self) -> tuple[str, ...]:
        return ("--config", str(self.folder / "slotkeeper.toml"))

    @property
    def built(self) -> tuple[str, ...]:
        return ("--from", str(self.folder / "slots"), *self.at)

    def file(self, name: str) -> str:
        return str(self.folder / name)


def act(it: Site) -> list[tuple[str, ...]]:
    signed = ("--sign", it.file("ann.key"))
    return [
        ("GNO-1", "--reason", ARGUMENT, *it.built),
        ("GNO-1", "--reason", MARKUP, *signed, *it.built),
    ]


Told = Callable[[Site], list[tuple[str, ...]]]

COMMANDS: dict[str, Told] = {
    "acknowledge": lambda it: [("--partition", "0", "--reason", ARGUMENT, *it.at)],
    "audit verify": lambda it: [it.at, ("--json", *it.at), (it.file("trail.jsonl"),)],
    "check-config": lambda it: [it.at, ("--json", *it.at), ("--config", ARGUMENT)],
    "completion": lambda _: [("bash",), (ARGUMENT,)],
    "counters export": lambda it: [it.at],
    "counters import": lambda it: [
        (it.file("numbers.jsonl"), "--reason", ARGUMENT, *it.at),
        (it.file("hostile.jsonl"), "--reason", "r", *it.at),
    ],
    "counters pending": lambda it: [it.at, ("--json", *it.at)],
    "counters publish-parked": lambda it: [
        (it.file("numbers.jsonl"), *it.at),
        (it.file("hostile.jsonl"), *it.at),
    ],
    "counters raise": lambda it: [
        (DEVICE, "--at-least", "9", "--reason", ARGUMENT, *it.at),
        (DEVICE, "--at-least", "9", "--reason", MARKUP, "--sign", it.file("ann.key"), *it.at),
        (ARGUMENT, "--at-least", "9", "--reason", "r", *it.at),
    ],
    "counters rebuild": lambda it: [
        (it.file("again.jsonl"), *it.at),
        (it.file("more.jsonl"), "--json", *it.at),
    ],
    "counters show": lambda it: [(DEVICE, *it.at), (DEVICE, "--json", *it.at), (ARGUMENT, *it.at)],
    "counters sign": lambda it: [
        (it.file("hostile.jsonl"), "--key", it.file("ann.key"), *it.at),
        (it.file("line.jsonl"), "--key", it.file("ann.key"), "--reason", ARGUMENT, *it.at),
    ],
    "dead-letters list": lambda it: [it.at, ("--json", *it.at)],
    "dead-letters retry": lambda it: [("0:0", "1:0", *it.at), (ARGUMENT, *it.at)],
    "dead-letters show": lambda it: [
        *((f"0:{number}", *it.at) for number in range(0, 40, 7)),
        *((f"0:{number}", "--json", *it.at) for number in range(0, 40, 7)),
        (ARGUMENT, *it.at),
    ],
    "evidence export": lambda it: [
        ("GNO-1", "--to", it.file("package"), *it.at),
        (ARGUMENT, "--to", it.file("none"), *it.at),
    ],
    "evidence prove": lambda it: [
        (it.file("package"), DEVICE),
        (it.file("package"), ARGUMENT),
    ],
    "evidence verify": lambda it: [(it.file("package"),), (it.file("package"), "--json")],
    "exit cancel": act,
    "exit close": act,
    "exit devices": lambda it: [
        ("GNO-1", *it.built),
        ("GNO-1", "--format", "csv", *it.built),
        ("GNO-1", "--format", "json", *it.built),
        ("GNO-1", "--compare", it.file("theirs.csv"), *it.built),
        (ARGUMENT, *it.built),
    ],
    "exit open": act,
    "exit pause": act,
    "exit prepare": lambda it: [("GNO-1", *it.built), (ARGUMENT, *it.built)],
    "exit record-revocation-request": act,
    "exit resume": act,
    "exit sign": lambda it: [
        (it.file("hostile.jsonl"), "--key", it.file("ann.key"), *it.at),
        (it.file("act.jsonl"), "--key", it.file("ann.key"), *it.at),
    ],
    "exit status": lambda it: [
        ("GNO-1", *it.built),
        ("GNO-1", "--json", *it.built),
        (ARGUMENT, *it.built),
    ],
    "explain": lambda _: [("PARTIAL_DS",), (ARGUMENT,)],
    "explain-slot": lambda it: [
        (DEVICE, *it.built),
        (METER_POINT, "--json", *it.built),
        ("--file", it.file("theirs.csv"), *it.built),
        (ARGUMENT, *it.built),
    ],
    "init": lambda it: [(ARGUMENT,), (it.file("slotkeeper.toml"),)],
    "inspect": lambda it: [
        (it.file("hostile.xml"),),
        (it.file("hostile.xml"), "--json"),
        (it.file("hostile.jsonl"), ARGUMENT),
    ],
    "lab certificate": lambda it: [(it.file(f"pki{ARGUMENT}"),)],
    "publish": lambda it: [
        ("gno-exits", it.file("no.jsonl"), *it.at),
        (ARGUMENT, it.file("hostile.jsonl"), *it.at),
        ("srv-6.15.1-responses", ARGUMENT, *it.at),
    ],
    "read": lambda it: [
        *((stream, "--from-start", *it.at) for stream in STREAMS),
        ("audit-trail", "--from-start", "--device", DEVICE, *it.at),
        ("dead-letters", "--from-start", *it.at),
        ("slot-evidence", "--from-start", *it.at),
        ("handover-refusals", "--from-start", *it.at),
        (ARGUMENT, *it.at),
    ],
    "registers check": lambda it: [it.at, ("--json", *it.at)],
    "registers import": lambda it: [
        ("parties", it.file("parties.jsonl"), "--dry-run", *it.at),
        ("registrations", it.file("theirs.csv"), "--dry-run", *it.at),
        ("certificates", it.file("hostile.jsonl"), "--dry-run", "--json", *it.at),
        (ARGUMENT, it.file("hostile.jsonl"), *it.at),
    ],
    "report": lambda it: [
        (*it.built, "--as-of", "2026-04-01", "--to", it.file("report")),
        (*it.built, "--as-of", "2026-03-01", "--to", it.file("earlier"), "--format", "csv"),
        (*it.built, "--as-of", ARGUMENT, "--to", it.file("never")),
    ],
    "report compare": lambda it: [
        (it.file("report"), it.file("earlier")),
        (it.file("report"), it.file("earlier"), "--json"),
        (it.file("report"), ARGUMENT),
    ],
    "run": lambda _: [("--streams", f"sqlite:///{ARGUMENT}")],
    "slots build": lambda it: [("--to", it.file("slots"), "--json", *it.at)],
    "slots import": lambda it: [
        (it.file("hostile.jsonl"), *it.at),
        (it.file("theirs.csv"), *it.at),
    ],
    "slots prune": lambda it: [(it.file("slots"), "--keep", "100")],
    "slots verify": lambda it: [(it.file("slots"),), (it.file("slots"), "--json")],
    "streams create": lambda it: [it.at, ("--streams", f"kafka://{ARGUMENT}", *it.at)],
    "why": lambda it: [
        (DEVICE, *it.at),
        (DEVICE, "--json", *it.at),
        (DEVICE, "--from", str(it.folder), *it.at),
        (ARGUMENT, *it.at),
    ],
    "witness init": lambda it: [it.at],
}
"""By command, what it is asked; in the order in which one makes what another needs."""

TELL_NOTHING_OF_RECORDS = {"demo", "emulate", "exit rehearse", "lab pki", "rule"}
"""They read no streams but those that they fill themselves."""

BY_PAGES = {"console"}
"""``tests/pages`` asks it."""


def every_command() -> Iterator[str]:
    def within(command: click.Command, path: str, context: click.Context) -> Iterator[str]:
        if path and not (isinstance(command, click.Group) and not command.invoke_without_command):
            yield path
        if isinstance(command, click.Group):
            for name in command.list_commands(context):
                inner = command.get_command(context, name)
                assert inner is not None
                yield from within(inner, f"{path} {name}".strip(), context)

    return within(cli, "", click.Context(cli))
