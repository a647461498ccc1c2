"""Reads what is new in the streams into a new build."""

import asyncio
import errno
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from slotkeeper._core import CoreInventoryTable, CoreRegisterTable
from slotkeeper.acts import Signers
from slotkeeper.engine.port import AuditHead
from slotkeeper.errors import TryLaterError
from slotkeeper.slots import rule
from slotkeeper.slots.exit.acts import kept_act
from slotkeeper.slots.exit.facts import Waits
from slotkeeper.slots.exit.stream import STREAM as STREAM_OF_ACTS
from slotkeeper.slots.exit.stream import proven_acts
from slotkeeper.slots.facts import Policy
from slotkeeper.slots.registers.kinds import CERTIFICATES, PARTIES, REGISTRATIONS, Register
from slotkeeper.slots.tables import THREADS, tables
from slotkeeper.streams import Streams

from .changelog import STREAM as CHANGELOG
from .changelog import Changelog
from .comparing import compare, compare_nothing, write_compared
from .folder import Build, add_build, last_build, only_builder
from .layout import SEGMENTED, TABLES, Kept
from .merging import merge
from .newest import Told, write_newest
from .policy import policy_json
from .reading import Advance, Progress, read_newest
from .same_store import begun_on
from .trail import STREAM as AUDIT
from .trail import Cut, Trail
from .work import Bench, Work

INVENTORY = "smart-metering-inventory"
REGISTERS: Sequence[Register] = (PARTIES, CERTIFICATES, REGISTRATIONS)

TRUSTED_SHARE = 0.8
"""Of the time for which tombstones are kept: the rest is for the reading itself."""

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@dataclass(frozen=True, slots=True)
class Built:
    """What a build came to.

    Attributes:
        build: It.
        differing: The first devices whose history and changelog do not agree, with the reason.
        unreadable: By stream, how many records could not be used, and the first of them: partition,
            offset, reason.
    """

    build: Build
    differing: Sequence[tuple[str, str]]
    unreadable: Mapping[str, tuple[int, Sequence[tuple[int, int, str]]]]


async def build(
    streams: Streams,
    folder: Path,
    *,
    policy: Policy,
    now_ms: int,
    advance: Advance,
    tombstones_ms: int | None = None,
    signers: Signers | None = None,
    waits: Waits | None = None,
    threads: int = THREADS,
) -> Built:
    """Read what the last build does not have, and add a build.

    The registers are read before the inventory and the audit trail last, so that no slot is judged
    by facts that are older than its own.

    Args:
        streams: To be read.
        folder: Of the builds.
        policy: Stands in the manifest, so that a report can be made again as it was.
        now_ms: The time of the build, milliseconds since 1970 UTC.
        advance: Is told how far it has come.
        tombstones_ms: How long streams keep that a key was removed; None: for ever. What was read
            longer ago is read anew.
        signers: Who may sign acts of exits; None: nobody is configured, and none counts.
        waits: When a device of an exit is silent, and an exit quiet; None: as shipped.
        threads: Of the tables; the same files come out with any number.

    Raises:
        StoreUnavailableError: Streams cannot be read now, or the disk is full.
        TryLaterError: Somebody else builds there, or the disk is full.
        WrongUseError: Streams do not exist yet, or the folder has another format.
        FaultFoundError: The folder is of another store, or the audit trail is not whole.
        StoppedForOperatorError: The changelog cannot be understood.
    """
    try:
        with only_builder(folder) as place:
            before = last_build(folder)
            age = now_ms - before.manifest["began_ms"] if before else 0
            whole = tombstones_ms is not None and age > tombstones_ms * TRUSTED_SHARE
            work = Work(place, await begun_on(streams, before, whole=whole), now_ms)
            with tables(folder, threads=threads, spill=work.spill) as made:
                making = _Making(streams, Bench(made, work, folder), before, whole)
                exits = await _exits(streams, work, signers, waits or Waits())
                built = await making.run(Progress(advance), policy, exits)
            work.end()
            return built
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise TryLaterError(f"no room in {folder}: {error.strerror}") from error
        raise


async def _exits(
    streams: Streams, work: Work, signers: Signers | None, waits: Waits
) -> dict[str, Any]:
    """Give what is kept of exits: their acts are read first, since they name what was known."""
    acts = work.done(STREAM_OF_ACTS)
    if acts is None:
        proven = await proven_acts(streams, signers) if signers is not None else []
        acts = [kept_act(one) for one in proven]
        work.keep(STREAM_OF_ACTS, acts)
    return {"silent_days": waits.silent.days, "quiet_days": waits.quiet.days, "acts": acts}


@dataclass
class _Making:
    streams: Streams
    bench: Bench
    before: Build | None
    whole: bool
    progress: Progress = field(init=False)
    files: dict[str, list[Kept]] = field(default_factory=lambda: {name: [] for name in TABLES})
    positions: dict[str, dict[int, int]] = field(default_factory=dict)
    cuts: dict[int, Cut | None] = field(default_factory=dict)
    unreadable: dict[str, tuple[int, list[Any]]] = field(default_factory=dict)
    compared: list[int] = field(default_factory=list)
    named: list[tuple[str, str]] = field(default_factory=list)

    async def run(self, progress: Progress, policy: Policy, exits: Mapping[str, Any]) -> Built:
        """Do every step that was not done, and add the build."""
        self.progress = progress
        progress.total = await self._total()
        for register in REGISTERS:
            await self._newest(register.name, register.stream, None)
        partitions = range(self.streams.partitions)
        heads = {number: await self._cells(number) for number in partitions}
        for number in partitions:
            await self._newest("devices", INVENTORY, number)
        for number in partitions:
            await self._trail(number, heads[number])
        for number in partitions:
            await self._compare(number, is_told=heads[number] is not None)
        for number in partitions:
            await asyncio.to_thread(self._merge, number)
        added = await asyncio.to_thread(self._add, policy, exits)
        return Built(added, self.named, self.unreadable)

    def _add(self, policy: Policy, exits: Mapping[str, Any]) -> Build:
        work, root = self.bench.work, self.bench.root
        rows = {name: self.bench.count(name, files) for name, files in self.files.items()}
        work.move_into(root)
        number = int(self.before.name) + 1 if self.before else 1
        began = datetime.fromtimestamp(work.began_ms / 1_000, UTC)
        made_of = {
            "build": f"{number:08d}",
            "made_at": began.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "began_ms": work.began_ms,
            "rule_version": rule.VERSION,
            "policy": policy_json(policy),
            "exits": dict(exits),
            "incarnations": work.begun["incarnations"],
            "positions": {name: _texts(at) for name, at in sorted(self.positions.items())},
            "cuts": {str(partition): cut and cut.told() for partition, cut in self.cuts.items()},
            "unreadable": {name: count for name, (count, _) in self.unreadable.items()},
            "compared": self.compared,
            "rows": rows,
            "files": {name: [one.told() for one in files] for name, files in self.files.items()},
        }
        return add_build(root, number, made_of)

    async def _total(self) -> int:
        streams = (*(register.stream for register in REGISTERS), CHANGELOG, INVENTORY, AUDIT)
        total = 0
        for stream in streams:
            for partition, end in (await self.streams.ends(stream)).items():
                total += max(0, end - self._left(stream, partition))
        return total

    def _left(self, stream: str, partition: int) -> int:
        """Say where the build before has left a stream."""
        if self.before is None or (self.whole and stream not in {AUDIT, CHANGELOG}):
            return 0
        return int(self.before.manifest["positions"].get(stream, {}).get(str(partition), 0))

    def _earlier(self, table: str, partition: int) -> list[Kept]:
        if self.before is None:
            return []
        return [one for one in self.before.files(table) if one.partition == partition]

    async def _newest(self, table: str, stream: str, partition: int | None) -> None:
        """Bring a table of the newest record of a key up to date; None: all partitions at once."""
        unit = partition or 0
        step = f"{table}/{unit}"
        found = self.bench.work.done(step)
        if found is None:
            found = await self._read_newest(table, stream, partition)
            self.bench.work.keep(step, found)
        self._take_files(found["files"])
        reached = {int(number): at for number, at in found["positions"].items()}
        self.positions.setdefault(stream, {}).update(reached)
        self._count(stream, found["faults"])

    async def _read_newest(self, table: str, stream: str, partition: int | None) -> dict[str, Any]:
        unit = partition or 0
        whole = self.whole
        earlier = [] if whole else self._earlier(table, unit)
        if table == "devices" and not whole:
            earlier += self._earlier("meter_points", unit)
        ends = await self.streams.ends(stream)
        numbers = list(ends) if partition is None else [partition]
        since = {number: self._left(stream, number) for number in numbers}
        decoder: CoreInventoryTable | CoreRegisterTable
        if partition is None:
            after = max((one.about["place"] for one in earlier), default=0)
            histories = stream == REGISTRATIONS.stream
            decoder = CoreRegisterTable(histories=histories, after=after)
        else:
            decoder = CoreInventoryTable(partition, len(ends))
        told = Told(self.bench.made, decoder, decoder.take)
        reached = await read_newest(self.streams, stream, since, told.take, self.progress)
        written = await asyncio.to_thread(self._written, told, table, unit, earlier)
        return {
            "files": [one.told() for one in written],
            "positions": _texts(reached),
            "faults": decoder.faults(),
        }

    def _written(self, told: Told, table: str, unit: int, earlier: Sequence[Kept]) -> list[Kept]:
        told.flush()
        return write_newest(self.bench, table, unit, earlier)

    async def _cells(self, partition: int) -> AuditHead | None:
        """Read the changelog of a partition; give the last audit record that its positions name.

        It comes before the audit trail, which therefore has that record.
        """
        step = f"cells/{partition}"
        found = self.bench.work.done(step)
        if found is None:
            found = await self._read_cells(partition)
            self.bench.work.keep(step, found)
        self._take_files(found["files"])
        self.positions.setdefault(CHANGELOG, {})[partition] = found["position"]
        self._count(CHANGELOG, found["faults"])
        head = found["head"]
        return None if head is None else (head[0], bytes.fromhex(head[1]))

    async def _read_cells(self, partition: int) -> dict[str, Any]:
        log = Changelog(self.streams, self.bench.made, partition)
        position = self._left(CHANGELOG, partition)
        newest = await log.read(position, self.progress)
        earlier = self._earlier("cells", partition)
        written = await asyncio.to_thread(self._written, log.told, "cells", partition, earlier)
        head = self._head_before(partition) if newest is None else newest[1].audit
        return {
            "files": [one.told() for one in written],
            "position": position if newest is None else newest[0] + 1,
            "faults": log.faults,
            "head": head and (head[0], head[1].hex()),
        }

    def _head_before(self, partition: int) -> AuditHead | None:
        """Give the head that is still the last one, since nothing was committed after it."""
        cut = self._cut_before(partition)
        if cut is None or cut.number is None:
            return None
        return cut.number, bytes.fromhex(cut.sha256)

    def _cut_before(self, partition: int) -> Cut | None:
        told = self.before and self.before.manifest["cuts"].get(str(partition))
        return Cut(**told) if told else None

    async def _trail(self, partition: int, head: AuditHead | None) -> None:
        earlier = [one for table in SEGMENTED for one in self._earlier(table, partition)]
        trail = Trail(
            self.bench,
            partition,
            cut=self._cut_before(partition),
            head=head,
            end=(await self.streams.ends(AUDIT))[partition],
            earlier=earlier,
        )
        await trail.read(self.streams, self.progress)
        self._take_files([one.told() for one in trail.files])
        self.cuts[partition] = trail.cut
        self.positions.setdefault(AUDIT, {})[partition] = (
            0 if trail.cut is None else trail.cut.offset + 1
        )
        self._count(AUDIT, trail.faults)

    async def _compare(self, partition: int, *, is_told: bool) -> None:
        """Compare what a partition's history ends with and what its changelog says."""
        before = self._earlier("differing", partition)

        def run() -> int:
            if not is_told:
                compare_nothing(self.bench.made)
                return 0
            own = {
                table: [one for one in self.files[table] if one.partition == partition]
                for table in ("history", "cells")
            }
            known: set[str] = set()
            if self.before is not None and partition in self.before.manifest["compared"]:
                known = {one.path for table in own for one in self._earlier(table, partition)}
            new = [one for files in own.values() for one in files if one.path not in known]
            self.compared.append(partition)
            return compare(self.bench, **own, new=new, before=before)

        if await asyncio.to_thread(run):
            log = Changelog(self.streams, self.bench.made, partition)
            await log.leave_out_changed(self.positions[CHANGELOG][partition], self.progress)
        written = await asyncio.to_thread(write_compared, self.bench, partition)
        self._take_files([written.told()])
        self.named += [
            (device, why)
            for device, why in self.bench.made.rows(
                "SELECT device, why FROM compared ORDER BY device LIMIT 20"
            )
        ]

    def _merge(self, partition: int) -> None:
        """Merge small files, after the comparison: to it they would all be new."""
        for table in SEGMENTED:
            own = [one for one in self.files[table] if one.partition == partition]
            others = [one for one in self.files[table] if one.partition != partition]
            step = f"merge/{table}/{partition}"
            done = self.bench.work.done(step)
            merged = merge(self.bench, own, partition) if done is None else [*map(Kept.of, done)]
            if merged == own:
                continue
            self.bench.work.keep(step, [one.told() for one in merged])
            self.files[table] = sorted([*others, *merged], key=lambda one: one.partition)

    def _take_files(self, told: Sequence[Mapping[str, Any]]) -> None:
        for one in map(Kept.of, told):
            self.files[one.table].append(one)

    def _count(self, stream: str, faults: tuple[int, list[Any]] | list[Any]) -> None:
        count, named = faults
        before, named_before = self.unreadable.get(stream, (0, []))
        if before + count:
            self.unreadable[stream] = (before + count, [*named_before, *named])


def _texts(by_number: Mapping[int, int]) -> dict[str, int]:
    return {str(number): at for number, at in sorted(by_number.items())}
