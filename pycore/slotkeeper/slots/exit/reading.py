"""Reads the facts of a party's devices from a build: only those of the scope, one by one.

The scope: devices whose meter point was ever registered to the party, that were ever seen with a
certificate of it, that one of these replaced or that took its place.
"""

from collections.abc import Iterator
from datetime import date, datetime
from itertools import groupby
from operator import itemgetter
from typing import Any

from slotkeeper.slots.build.folder import Build
from slotkeeper.slots.facts import KeyUsage, Policy
from slotkeeper.slots.registers.history_text import history_of
from slotkeeper.slots.rule import RETIRED
from slotkeeper.slots.tables import Tables

from .facts import Attempt, DeviceFacts, Fence, Key, Occupant, Seen, What
from .register import Leaving

_NOT_YET = "['pending', 'whitelisted', 'installednotcommissioned']"
"""DUIS DeviceStatus in lower case: nobody has put a certificate there yet."""

_POINTS = """
CREATE TABLE points AS
    SELECT gpf AS device, mprn FROM {devices}
    WHERE device_type = 'GSME' AND gpf IS NOT NULL AND mprn IS NOT NULL
    UNION SELECT device, mprn FROM {devices} WHERE device_type = 'GPF' AND mprn IS NOT NULL
"""

_REGISTERED = """
CREATE TABLE registered AS
    WITH RECURSIVE named AS (
        SELECT points.device, points.mprn, runs.since FROM points
        JOIN {registrations} r ON r.key = points.mprn JOIN runs ON runs.record = r.record
        UNION
        SELECT device, mprn, DATE '0001-01-01' FROM {devices}
        WHERE device_type = 'GPF' AND gas_network_party = $1
            AND (mprn IS NULL OR mprn NOT IN (SELECT key FROM {registrations}))
        UNION SELECT d.replaces, named.mprn, named.since
            FROM named JOIN {devices} d USING (device) WHERE d.replaces IS NOT NULL
    ) SELECT device, min(since) AS since, min(mprn) AS mprn FROM named GROUP BY device
"""
"""The inventory's own word counts only where no registration has one. A meter names the hub that it
is joined to now: one that was exchanged was registered where the one in its place is."""

_SCOPE = """
CREATE TABLE scope AS
    WITH RECURSIVE chain AS (
        SELECT device FROM registered
        UNION SELECT device FROM {history}
            WHERE list_contains($1, ds_eui) OR list_contains($1, ka_eui)
        UNION SELECT CASE WHEN d.device = chain.device THEN d.replaces ELSE d.device END
            FROM chain JOIN {devices} d ON d.replaces IS NOT NULL
                AND (d.device = chain.device OR d.replaces = chain.device)
    ) SELECT DISTINCT device FROM chain
"""

_DEVICES = """
SELECT scope.device, coalesce(registered.mprn, d.mprn), registered.since, d.commissioned_on,
    d.device IS NULL OR list_contains({retired}, lower(d.status)) AS retired,
    coalesce(list_contains({not_yet}, lower(d.status)) OR d.smets_version = 'SMETS1', false)
        AS aside,
    scope.device IN (SELECT device FROM {differing}) AS doubted,
    coalesce(d.replaces IN (SELECT device FROM scope), false) AS successor
FROM scope LEFT JOIN {devices} d USING (device) LEFT JOIN registered USING (device)
ORDER BY scope.device
"""

_HISTORY = """
SELECT device, CASE WHEN at_source = 'EXISTED' THEN coalesce(
        lead("at") OVER (PARTITION BY device, audit_partition, audit_offset ORDER BY "at"), "at")
        ELSE "at" END AS since,
    audit_partition, audit_offset, ds_eui, ds_key, ka_eui, ka_key, ds_verified AND ka_verified,
    ds_doubtful, ka_doubtful
FROM {history} SEMI JOIN scope USING (device)
ORDER BY device, since, audit_partition, audit_offset, "at"
"""
"""What a first message found counts from when it was told: nobody knew it before."""

_ATTEMPTS = """
SELECT device, "at", audit_partition, audit_offset, what, reason, stream, stream_offset,
    upper(request_id), originator
FROM {attempts} SEMI JOIN scope USING (device)
ORDER BY device, audit_partition, audit_offset
"""


_READ = ("devices", "history", "attempts", "registrations", "differing")


class Scope:
    """The devices of a party in a build; each iteration reads them anew."""

    def __init__(self, made: Tables, build: Build, leaving: Leaving, policy: Policy) -> None:
        """Find the devices; what is known of them is read when they are asked for."""
        self._made, self._policy = made, policy
        self._own, self._party = leaving.identities, leaving.party.party_id
        self._tables = {name: build.table(name) for name in _READ}
        made.run("CREATE TABLE runs (record VARCHAR, since DATE)")
        made.add("runs", "varchar, date", list(self._runs()))
        made.run(_POINTS.format(**self._tables))
        made.run(_REGISTERED.format(**self._tables), [self._party])
        made.run(_SCOPE.format(**self._tables), [sorted(self._own)])

    def _runs(self) -> Iterator[tuple[str, date]]:
        """Give when each history of registrations that names the party first does so."""
        read = self._tables["registrations"]
        query = f"SELECT DISTINCT record FROM {read} WHERE contains(record, $1)"  # noqa: S608
        for (record,) in self._made.rows(query, [f'"{self._party}"']):
            days = [
                entry.first
                for entry in history_of(record)
                if entry.gas_network_party == self._party
            ]
            if days:
                yield record, min(days)

    def __iter__(self) -> Iterator[DeviceFacts]:
        """Give the devices, sorted by EUI-64."""
        rows = self._made.rows(
            _DEVICES.format(retired=sorted(RETIRED), not_yet=_NOT_YET, **self._tables)
        )
        seen = _Beside(self._made.rows(_HISTORY.format(**self._tables)))
        attempts = _Beside(self._made.rows(_ATTEMPTS.format(**self._tables)))
        for device, mprn, since, commissioned, retired, aside, doubted, successor in rows:
            slots = tuple(self._seen(row) for row in seen.of(device))
            yield DeviceFacts(
                device_id=device,
                mprn=mprn,
                registered=_from(since, commissioned, aside=aside, successor=successor),
                presumed=self._presumed(commissioned),
                retired=retired,
                doubted=doubted,
                successor=successor,
                seen=slots,
                attempts=tuple(self._attempts(attempts.of(device))),
            )

    def _presumed(self, commissioned: date | None) -> bool:
        since = self._policy.coverage_from
        return since is not None and commissioned is not None and commissioned >= since

    def _seen(self, row: tuple[Any, ...]) -> Seen:
        _, at, partition, offset, ds_eui, ds_key, ka_eui, ka_key, verified, *doubtful = row
        ds = self._occupant(ds_eui, ds_key, "DS", doubtful=doubtful[0])
        ka = self._occupant(ka_eui, ka_key, "KA", doubtful=doubtful[1])
        keys: list[Key] = [
            (usage, eui, key)
            for usage, eui, key, who in (("DS", ds_eui, ds_key, ds), ("KA", ka_eui, ka_key, ka))
            if who is Occupant.OWN
        ]
        return Seen(
            at=at,
            partition=partition,
            offset=offset,
            ds=ds,
            ka=ka,
            keys=frozenset(keys),
            verified=bool(verified),
        )

    def _occupant(
        self,
        eui: str | None,
        key: str | None,
        usage: KeyUsage,
        *,
        doubtful: bool,
    ) -> Occupant:
        if eui is None or doubtful:
            return Occupant.UNKNOWN
        if eui in self._own:
            return Occupant.OWN
        if eui != self._policy.acb_id:
            return Occupant.OTHER
        # The ACB's name with a key that nobody knows proves nothing (P37).
        known = key in self._policy.acb_keys.get(usage, ())
        return Occupant.ACB if known else Occupant.UNKNOWN

    def _attempts(self, rows: Iterator[tuple[Any, ...]]) -> Iterator[Attempt]:
        waiting: set[str] = set()
        for _, at, partition, offset, what, reason, stream, place, request, originator in rows:
            record = f"{stream}/{place}"
            if what == "PARKED":
                waiting.add(record)
                yield Attempt(
                    at=at, partition=partition, offset=offset, what=What.PARKED, request=record
                )
                continue
            if record in waiting:
                waiting.discard(record)
                yield Attempt(
                    at=at, partition=partition, offset=offset, what=What.ANSWERED, request=record
                )
            meant = _meant(what, reason, stream)
            if meant is not None and (originator is None or originator in self._own):
                yield Attempt(
                    at=at,
                    partition=partition,
                    offset=offset,
                    what=meant,
                    request=request or record,
                )


class _Beside:
    """Rows of another query with the same order of devices, taken as they come."""

    def __init__(self, rows: Iterator[tuple[Any, ...]]) -> None:
        self._groups = groupby(rows, key=itemgetter(0))
        self._next = next(self._groups, None)

    def of(self, device: str) -> Iterator[tuple[Any, ...]]:
        while self._next is not None and self._next[0] < device:
            self._next = next(self._groups, None)
        if self._next is not None and self._next[0] == device:
            _, rows = self._next
            yield from rows
            self._next = next(self._groups, None)


def _from(
    since: date | None, commissioned: date | None, *, aside: bool, successor: bool
) -> datetime | None:
    """Give when a device came into view by its registration."""
    if aside or (since is None and not successor):
        return None
    day = max(since or date.min, commissioned or date.min)
    return datetime.combine(day, datetime.min.time())


_HAND_BACKS = frozenset({"ACB_IN_SLOT", "LATE", "PARTIAL_DS", "PARTIAL_KA"})


def _meant(what: str, reason: str, stream: str) -> What | None:
    """Give what a row of ``attempts`` says of an exit; None: nothing, as a handover's."""
    if stream.startswith("srv-6.21"):
        return None
    if what in {"DONE", "PARTIAL"}:
        return What.HANDED_BACK if reason in _HAND_BACKS else None
    return _WHAT.get(what)


_WHAT = {
    "REQUESTED": What.REQUESTED,
    "SCHEDULED": What.SCHEDULED,
    "QUARANTINED": What.QUARANTINED,
    "FAILED": What.FAILED,
}


def fence_of(build: Build) -> Fence:
    """Give how far a build has read the audit trail."""
    reached = build.manifest["positions"].get("audit-trail", {})
    return {int(partition): int(offset) for partition, offset in reached.items()}


def made_at(build: Build) -> datetime:
    """Give when a build was made; naive, UTC."""
    return datetime.fromisoformat(str(build.manifest["made_at"])).replace(tzinfo=None)
