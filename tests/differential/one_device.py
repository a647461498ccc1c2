"""Who stands in the cells of one device? Random histories in a closed loop with the engine.

Operators hand their slot back, renew, sell; the ACB hands it on where the engine lets it; recovery
cuts in. Clocks are good, missing or wrong, answers late, doubled, shuffled or lost, commands do not
arrive, outcomes are partial, ACB certificates are of two generations. At the end of each history
the engine's word is compared with the device's cells.

With a base the device is read back before anything happens to it; what it says then is told first,
``undated``, or ``dated`` by the device's clock, which may be wrong. A reading that is dated falsely
makes history of what came after it: nobody is wrong about the device then, but may be in doubt.

Of 200,000 histories with the seeds 0 to 199,999, half of which lost something, none was wrong
where nothing was lost, and no handover was refused once all was told. Digital-signature cells where
nothing was lost: with an undated base right in all, with a dated one too unless the clock was wrong
(right 10,230, in doubt 2,929); without a base right 64,630, in doubt 14,072.

With readings in between (``--readings 0.15``), which may come late, and wrong clocks, 11 of 1,000
cells were wrong with a dated base and 16 without one, though nothing was lost: a time decides, and
a late reading with a wrong time looks like one that came after everything. Its number tells as
little, since a floor may have lowered it.

``python -m tests.differential.one_device --histories 100000 --first 0 --base undated``
"""

import argparse
import random
import sys
import time
from base64 import b64decode
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

import orjson

from slotkeeper import Change
from slotkeeper._core import Authority, CoreEngine
from slotkeeper.lab import events, messages, sealing
from slotkeeper.lab.commands import CommandPayload
from slotkeeper.lab.credentials import CredentialsResponse, RoleCredentials
from slotkeeper.lab.envelope import Envelope, dlms_date_time
from slotkeeper.lab.terms import Cell, Cra, MessageCode, Role, Status

from . import arrangement, cast
from .cast import DEVICES, ORGANISATIONS, Told

Json = dict[str, Any]
Base = Literal["undated", "dated"]
Clock = Literal["good", "none", "wrong"]
USAGES = ("ds", "ka")
CLOCKS: tuple[Clock, ...] = ("good", "none", "wrong")
BROKERS = ("acb", "acb-retired")
_SETTINGS: Json = {
    "signatures": "if-known",
    "anchored": True,
    "listed": False,
    "absent_floor": "auto",
    "source": "clock-ms",
    "without_evidence": "issue",
    "dual_control": False,
}


@dataclass
class World:
    """The device as it is, and what of it has been told.

    Attributes:
        cells: Who holds each cell.
        number: The device's number for the Network Operator role.
        told: The highest number that the engine was told to have been set.
        queue: Messages on their way to the engine.
        silent: Whether a message was lost.
    """

    rng: random.Random
    engine: CoreEngine
    lost: float
    clock: Clock
    cells: dict[str, str] = field(default_factory=dict)
    number: int = 0
    told: dict[bytes, int] = field(default_factory=dict)
    highest_told: int = 0
    queue: list[tuple[str, bytes]] = field(default_factory=list)
    silent: bool = False
    now: int = 0
    offset: int = 0
    readings: int = 0
    log: list[tuple[bytes, bytes | None]] = field(default_factory=list)
    found: Counter[str] = field(default_factory=Counter)

    def stage(self, stream: str, value: bytes, form: str = "gbcs") -> list[Any]:
        self.offset += 1
        key = str(DEVICES[0].eui).encode()
        now_ms = int(cast.at(self.now).timestamp()) * 1_000
        staged = self.engine.stage(
            [(stream, self.offset, key, value, form)], now_ms=now_ms, decided_after={}
        )
        written = staged.seal().outputs.records()
        staged.fold()
        self.log += [(r[2] or b"", r[3]) for r in written if r[0] == "originator-counters"]
        return list(written)

    def shown(self) -> int | None:
        wrong = self.now + self.rng.choice([0, 0, 10**6, -(10**6)])
        return {"good": self.now, "none": None, "wrong": wrong}[self.clock]

    def answer(self, message: bytes, number: int) -> None:
        """Let an answer leave the device: it may get lost, or come twice."""
        if self.rng.random() < self.lost:
            self.silent = True
            return
        self.told[message] = number
        copies = 2 if self.rng.random() < 0.15 else 1
        self.queue += [(events.UPDATE_RESPONSES, message)] * copies

    def read(self, *, dated: bool) -> bytes:
        """Let the device tell its Supplier what it holds."""
        self.readings += 1
        cells = tuple(
            (Cell(Role.NETWORK_OPERATOR, cast.USAGES[usage]), cast.holder(holder, usage))
            for usage, holder in self.cells.items()
        )
        shown = self.shown()
        credentials = RoleCredentials(Role.NETWORK_OPERATOR, Status.SUCCESS, self.number, cells)
        envelope = Envelope(
            cra=Cra.RESPONSE,
            counter=self.readings,
            originator=DEVICES[0].eui,
            recipient=cast.SUPPLIERS[0].eui,
            message_code=MessageCode.CS02A,
            date_time=cast.UNSET if shown is None or not dated else dlms_date_time(cast.at(shown)),
            payload=CredentialsResponse((credentials,)).encode(),
        )
        return envelope.signed(sealing.sign(envelope, DEVICES[0].digital_signature.key)).encode()

    def deliver(self, *, everything: bool = False) -> None:
        if self.rng.random() < 0.3:
            self.rng.shuffle(self.queue)
        later = []
        for stream, message in self.queue:
            if not everything and self.rng.random() < 0.1:
                later.append((stream, message))
                continue
            self.stage(stream, message)
            self.highest_told = max(self.highest_told, self.told[message])
        self.queue = later

    def told_all(self) -> bool:
        return not self.queue and not self.silent

    def restart(self, authority: Authority, settings: bytes) -> None:
        """Begin anew from what was committed, in any order."""
        log = list(self.log)
        self.rng.shuffle(log)
        self.engine = CoreEngine(authority, settings=settings, threads=1, seed=2)
        self.engine.restore([Change(*one) for one in log])
        known = events.inventory(DEVICES[0])
        self.engine.load_inventory([Change(str(known.key).encode(), known.octets)])
        self.engine.open()


def play(
    seed: int,
    *,
    lost: float,
    base: Base | None = None,
    clock: Clock | None = None,
    readings: float = 0,
) -> Counter[str]:
    """Play one history; count what was found.

    ``clock``: None: that which the seed draws. ``readings``: how often the device is read back in
    between; what it says may come late, or out of order.
    """
    rng = random.Random(seed)  # noqa: S311 - a history is drawn, not a secret
    authority, settings = _authority(), arrangement.engine_settings(_SETTINGS)
    engine = CoreEngine(authority, settings=settings, threads=1, seed=1)
    known = events.inventory(DEVICES[0])
    engine.load_inventory([Change(str(known.key).encode(), known.octets)])
    engine.open()
    drawn: Clock = rng.choice(CLOCKS)
    world = World(rng, engine, lost, clock or drawn)
    holder = rng.choice(["acb", "A0"])
    world.cells = dict.fromkeys(USAGES, holder)
    clocks = [0, 10**6, 17 * 10**11, 17 * 10**14, 17 * 10**17]
    scale = {letter: rng.choice(clocks) for letter in "ABCDEF"}
    generation: Counter[str] = Counter()
    if base:
        world.stage(events.READ_BACKS, world.read(dated=base == "dated"))
    for number in range(rng.randint(1, 12)):
        world.now += rng.randint(1, 1000)
        holder = world.cells["ds"]
        if rng.random() < 0.08:
            _recovery(world, generation)
        elif holder in BROKERS:
            _handover(world, generation, number)
        else:
            _operator(world, scale)
        if readings and rng.random() < readings:
            reading = world.read(dated=True)
            world.told[reading] = world.number
            world.queue.append((events.READ_BACKS, reading))
        if rng.random() < 0.05:
            world.restart(authority, settings)
    world.deliver(everything=True)
    _compare(world)
    return world.found


@cache
def _authority() -> Authority:
    return arrangement.authority(knows_retired=True, holds_retired=True)


def _recovery(world: World, generation: Counter[str]) -> None:
    rng = world.rng
    after = rng.choice(["acb", _operator_name(rng, generation)])
    floor = rng.choice([None, 0, rng.randint(0, 100)])
    cells = _replace(world, dict.fromkeys(USAGES, after), role_of="recovery")
    if floor is not None:
        world.number = floor
    told = Told(
        device=0,
        party="recovery",
        mode=8,
        number=world.now + 1,
        cells=cells,
        floors=() if floor is None else ((3, floor),),
        at=world.shown(),
    )
    world.answer(cast.octets(told), floor or 0)


def _operator_name(rng: random.Random, generation: Counter[str]) -> str:
    letter = rng.choice("ABCDEF")
    if rng.random() < 0.3 and generation[letter] < 2:
        generation[letter] += 1
    return f"{letter}{generation[letter]}"


def _replace(world: World, wanted: dict[str, str], *, role_of: str) -> tuple[Any, ...]:
    """Replace cells as the device does; one may fail. Gives what the device tells of them."""
    rng, cells = world.rng, []
    fails = rng.choice(list(wanted)) if role_of != "recovery" and rng.random() < 0.1 else None
    for usage, after in wanted.items():
        before = world.cells[usage]
        replaced = usage != fails
        cells.append((3, usage, before, after, replaced))
        if replaced:
            world.cells[usage] = after
    return tuple(cells)


def _handover(world: World, generation: Counter[str], number: int) -> None:
    rng = world.rng
    world.deliver()
    after = _operator_name(rng, generation)
    request = events.handover_request(
        cast.SUPPLIERS[0], DEVICES[0].eui, ORGANISATIONS[after], number=1_000 + number
    )
    assert request.octets is not None
    written = world.stage(events.HANDOVER_REQUESTS, request.octets, "record")
    made = [value for stream, _, _, value, _ in written if stream == "cs02b-commands"]
    commands = [orjson.loads(value) for value in made]
    if not commands:
        world.found[f"valid handover refused, {_told(world)}"] += 1
        return
    world.found["handover issued"] += 1
    (command,) = commands
    counter = int(command["originator_counter"])
    key = cast.holder(world.cells["ds"], "ds").key_identifier.hex()
    if command["signing_key_identifier"] != key:
        world.found[f"signed by another key of the ACB, {_told(world)}"] += 1
        return
    if counter <= world.number:
        known = "told" if world.number <= world.highest_told else "not told"
        world.found[f"number not above the device's, which was {known}"] += 1
        return
    if rng.random() < 0.1:
        return  # it never arrives
    payload = CommandPayload.decode(Envelope.decode(b64decode(command["gbcs_payload"])).payload)
    world.number = counter if payload.floor is None else payload.floor
    cells = _replace(world, dict.fromkeys(USAGES, after), role_of="acb")
    floors = () if payload.floor is None else ((3, payload.floor),)
    told = Told(0, "acb", 3, counter, None, cells, floors, world.shown())
    world.answer(cast.octets(told), counter)


def _operator(world: World, scale: dict[str, int]) -> None:
    rng, holder = world.rng, world.cells["ds"]
    letter = holder[0]
    scale[letter] += rng.randint(1, 5)
    if rng.random() < 0.2:
        after = f"{letter}{min(2, int(holder[1]) + 1)}"
    else:
        after = rng.choice([*BROKERS, "acb", "acb"])
    usages = rng.choice([USAGES, USAGES, USAGES, USAGES, ("ds",), ("ka",)])
    # A party never gives a number twice, whatever a floor has lowered.
    counter = scale[letter] = max(world.number + 1, scale[letter])
    if rng.random() < 0.5:
        payload = messages.slot_payload(
            ORGANISATIONS[after],
            counter=counter,
            key_usages=[cast.USAGES[usage] for usage in usages],
        )
        tapped = messages.pre_command(payload, ORGANISATIONS[holder], DEVICES[0].eui, signed=True)
        world.stage(events.PRE_COMMANDS, tapped)
        world.highest_told = max(world.highest_told, counter)
    if rng.random() < 0.1:
        return  # it never arrives
    world.number = counter
    cells = _replace(world, dict.fromkeys(usages, after), role_of=letter)
    told = Told(0, holder, 3, counter, None, cells, (), world.shown())
    world.answer(cast.octets(told), counter)


def _told(world: World) -> str:
    return "all told" if world.told_all() else "not all told"


def _compare(world: World) -> None:
    """Compare what the engine says of each cell with what stands there."""
    found = world.engine.device(str(DEVICES[0].eui))
    row = orjson.loads(found) if found else {"roles": {}}
    slot = row["roles"].get("NetworkOperator", {}).get("slot") or {}
    where = "something lost" if world.silent else "nothing lost"
    for usage, name in (("ds", "digital_signature"), ("ka", "key_agreement")):
        said = (slot.get(name) or {}).get("occupant")
        if said is None:
            world.found[f"{where}: {usage} doubt"] += 1
            continue
        standing = cast.holder(world.cells[usage], usage)
        # Where a party is all that was told, its certificate is not.
        key = said["subject_key_identifier"] or standing.key_identifier.hex()
        right = (said["subject_unique_id"], key) == (
            str(standing.eui),
            standing.key_identifier.hex(),
        )
        world.found[f"{where}: {usage} {'right' if right else 'WRONG'}"] += 1


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.differential.one_device")
    parser.add_argument("--histories", type=int, default=1_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--readings", type=float, default=0, help="the share of read-backs between")
    parser.add_argument(
        "--base", choices=("undated", "dated"), help="how the device is read back at first"
    )
    options = parser.parse_args()
    total: Counter[str] = Counter()
    begun = time.monotonic()
    for seed in range(options.first, options.first + options.histories):
        clock = CLOCKS[seed // 2 % len(CLOCKS)]
        found = play(
            seed,
            lost=0.1 * (seed % 2),
            base=options.base,
            clock=clock,
            readings=options.readings,
        )
        total.update({f"clock {clock}, {name}": count for name, count in found.items()})
    for name, count in sorted(total.items()):
        sys.stdout.write(f"{count:9} {name}\n")
    sys.stdout.write(f"{options.histories} histories, {time.monotonic() - begun:.0f} s\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
