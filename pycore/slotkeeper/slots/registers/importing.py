"""One import: files to rows, rows and records to changes, changes to the stream."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import orjson

from slotkeeper.slots.tables import BATCH
from slotkeeper.streams import Message, Streams

from .answers import BY_SERIAL
from .certificate import der_of, told_by
from .certificate_rows import Known, Told
from .kinds import CERTIFICATES, MISSING, PARTIES, Held, Members, Register, members_of, record_of
from .reading import newest
from .records import RefusedError, party
from .sources import Source, rows_of
from .staging import Change, Group, Staging
from .uniting import Place, Row, missing_since, unite
from .whole import whole_record

_PUBLISHED_AT_ONCE = 1_000
"""Records: at most 64 MB, and usually well below one."""

_FEW = 1_000_000
"""Keys of which a set fits into memory, so that other records of the register are passed over."""


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What an import found.

    Attributes:
        rows: Of all files.
        added: Keys that the register had not.
        changed: Keys of which something is new.
        unchanged: Keys of which nothing is new.
        refused: Rows.
        missing: Keys that a complete source no longer has.
        unplaced: Rows of which not even the key could be read, or files; where there are any,
            nothing is said to be missing.
        renamed: Certificates that now name their party.
    """

    rows: int = 0
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    refused: int = 0
    missing: int = 0
    unplaced: int = 0
    renamed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """What is to be imported.

    Attributes:
        register: Into which.
        sources: The files; of two that were made at the same time neither counts more.
        known: What rows are checked against.
        complete: The files have all there is.
    """

    register: Register
    sources: Sequence[Source]
    known: Known
    complete: bool = False


async def find_changes(
    streams: Streams, wanted: Import, staging: Staging, advance: Callable[[int, int], None]
) -> Outcome:
    """Read files and register; the staging has what changes and what is refused then.

    Args:
        streams: With the register.
        wanted: What is to be imported.
        staging: Empty.
        advance: Is told how many rows and octets were read.

    Raises:
        StoreUnavailableError: Streams or disk cannot be used now.
        OSError: A file cannot be read.
    """
    outcome = Outcome()
    keys = await asyncio.to_thread(_stage_rows, wanted, staging, outcome, advance)
    number = 0
    async for batch in streams.read(wanted.register.stream):
        records = []
        for record in batch:
            key = (record.key or b"").decode(errors="replace")
            if keys is None or key in keys:
                records.append((key, number, record.value or b""))
            number += 1
        await asyncio.to_thread(staging.add_standing, records)
    await asyncio.to_thread(_unite_all, wanted, staging, outcome)
    return outcome


async def publish_changes(
    streams: Streams, register: Register, changes: Iterator[Change], advance: Callable[[int], None]
) -> None:
    """Publish what was found."""
    while some := await asyncio.to_thread(lambda: list(islice(changes, _PUBLISHED_AT_ONCE))):
        await streams.publish(
            [Message(register.stream, change.key.encode(), change.value) for change in some]
        )
        advance(len(some))


async def renamed_certificates(streams: Streams, owners: Mapping[str, str | None]) -> list[Change]:
    """Give the certificates whose record names another party than the one that has the identity."""
    changes = []
    for key, octets in (await newest(streams, CERTIFICATES)).items():
        try:
            own, record = whole_record(CERTIFICATES, octets)
        except RefusedError:
            continue
        owner = owners.get(record.get("subject_eui64") or "")
        if own == key and owner is not None and owner != record.get("party_id"):
            value = orjson.dumps({**record, "party_id": owner})
            changes.append(Change(key, "changed", "party_id", value))
    return changes


async def parties_after(streams: Streams, staging: Staging) -> dict[str, Any]:
    """Give the parties as they will be once the changes are published."""
    records = await newest(streams, PARTIES)
    records.update({change.key: change.value for change in staging.changes()})
    parties = {}
    for key, octets in records.items():
        try:
            parties[key] = party(octets)
        except RefusedError:
            continue
    return parties


def _stage_rows(
    wanted: Import, staging: Staging, outcome: Outcome, advance: Callable[[int, int], None]
) -> set[str] | None:
    """Keep what the files say; gives the keys they name, or None if all records are needed."""
    told: list[tuple[str, int, int, bytes]] = []
    refused: list[tuple[int, int, str, str | None]] = []
    keys: set[str] | None = None if wanted.complete else set()
    for file, source in enumerate(wanted.sources):
        number = 0
        rows = rows_of(wanted.register, source, wanted.known, lambda octets: advance(0, octets))
        try:
            for number, said in rows:  # of the last row that was read
                outcome.rows += 1
                advance(1, 0)
                if isinstance(said, Told):
                    told.append((said.key, file, number, _packed(said.members)))
                    keys = _with(keys, said.key)
                else:
                    refused.append((file, number, str(said), said.key))
                if len(told) >= BATCH:
                    staging.add_told(told)
                    told.clear()
                if len(refused) >= BATCH:
                    _refuse(staging, outcome, refused)
        except RefusedError as reason:
            refused.append((file, number + 1, str(reason), None))
    staging.add_told(told)
    _refuse(staging, outcome, refused)
    return keys


def _packed(members: Members) -> bytes:
    return orjson.dumps({path: tuple(held) for path, held in members.items()})


def _with(keys: set[str] | None, key: str) -> set[str] | None:
    if keys is None or key.startswith(BY_SERIAL) or len(keys) == _FEW:
        return None
    keys.add(key)
    return keys


def _refuse(
    staging: Staging, outcome: Outcome, refused: list[tuple[int, int, str, str | None]]
) -> None:
    outcome.refused += len(refused)
    outcome.unplaced += sum(key is None for *_, key in refused)
    staging.add_refused(refused)
    refused.clear()


def _unite_all(wanted: Import, staging: Staging, outcome: Outcome) -> None:
    refused: list[tuple[int, int, str, str | None]] = []
    if wanted.register is CERTIFICATES:
        refused += [(*row, None) for row in staging.resolve(BY_SERIAL)]
    changes: list[Change] = []
    for group in staging.groups():
        before = len(refused)
        change = _united(wanted, group, refused)
        # A key about which every row was refused is neither.
        outcome.unchanged += change is None and len(refused) - before < len(group.rows)
        if change is not None:
            outcome.added += change.kind == "added"
            outcome.changed += change.kind == "changed"
            changes.append(change)
        if len(changes) + len(refused) >= BATCH:
            staging.add_changes(changes)
            changes.clear()
            _refuse(staging, outcome, refused)
    _refuse(staging, outcome, refused)
    if wanted.complete and not outcome.unplaced:
        day = max(source.asserted.at for source in wanted.sources)[:10]
        for key, octets in staging.absent():
            if change := _missing(wanted.register, key, octets, day):
                outcome.missing += 1
                changes.append(change)
    staging.add_changes(changes)


def _united(
    wanted: Import, group: Group, refused: list[tuple[int, int, str, str | None]]
) -> Change | None:
    register = wanted.register
    rows = [
        Row(
            Place(file, row),
            {path: Held(*held) for path, held in orjson.loads(members).items()},
        )
        for file, row, members in group.rows
    ]
    standing = _standing(register, group)
    found = unite(register, standing, rows)
    since = missing_since(standing, found.taken)
    change = None
    reasons = dict(found.refused)
    if found.paths or (standing and standing.get(MISSING) != since):
        try:
            derived = _derived(wanted, group.key, found.members)
            record = record_of(register, derived, found.members, since)
            record |= {"party_id": derived["party_id"]} if derived.get("party_id") else {}
            value = orjson.dumps(record)
            whole_record(register, value)
            kind = "changed" if standing else "added"
            change = Change(group.key, kind, ";".join(found.paths), value)
        except RefusedError as reason:
            reasons |= {row.place: str(reason) for row in found.taken}
    refused += [(*place, reason, group.key) for place, reason in reasons.items()]
    return change


def _standing(register: Register, group: Group) -> dict[str, Any] | None:
    """Give the record that the register has; one that cannot be read is written anew."""
    if not group.standing:
        return None
    try:
        key, record = whole_record(register, group.standing)
    except RefusedError:
        return None
    return record if key == group.key else None


def _derived(wanted: Import, key: str, members: Mapping[str, Held]) -> dict[str, Any]:
    if wanted.register is not CERTIFICATES:
        return {wanted.register.derived[0]: key}
    if "certificate" not in members:
        issuer, _, serial = key.rpartition("/")
        return {"issuer": issuer, "serial": serial}
    told: dict[str, Any] = dict(told_by(der_of({"certificate": members["certificate"].value})))
    owner = wanted.known.owners.get(told["subject_eui64"])
    return {**told, "party_id": owner} if owner else told


def _missing(register: Register, key: str, octets: bytes, day: str) -> Change | None:
    try:
        own, record = whole_record(register, octets)
    except RefusedError:
        return None
    newest_at = max((held.at for held in members_of(register, record).values()), default="")
    if own != key or record.get(MISSING) or newest_at[:10] > day:
        return None
    return Change(key, "missing", MISSING, orjson.dumps({**record, MISSING: day}))
