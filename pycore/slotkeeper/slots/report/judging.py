"""Judges the devices of a build: the rule is asked once for each distinct combination of inputs.

The tables bring the inputs together and take the answers back; they decide nothing.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from types import MappingProxyType
from typing import Any, NamedTuple

from slotkeeper.slots.build.folder import Build
from slotkeeper.slots.facts import (
    Certificate,
    Certificates,
    Device,
    Evidence,
    KeyUsage,
    Meter,
    Party,
    Policy,
    Slot,
)
from slotkeeper.slots.registers.certificate import certificate
from slotkeeper.slots.registers.history_text import history_of
from slotkeeper.slots.registers.reading import Registers, Unreadable, owners_of
from slotkeeper.slots.registers.records import RefusedError, party, read_record
from slotkeeper.slots.rule import Judgement, boundaries, decide
from slotkeeper.slots.standing import status_at
from slotkeeper.slots.tables import BATCH, Tables

from .joining import cell_of, equally, join_all

_COUNTED = """
CREATE TABLE counted AS
SELECT partition, devices, status, commissioned_on, meter_commissioned_on, ds_eui, ds_key, ka_eui,
    ka_key, since_source, unanchored, combinations.combination, said.* EXCLUDE (number, way)
FROM combinations
JOIN (
    SELECT combination, 'rough' AS way, number FROM rough_answers WHERE action_by <> 'SUPPLIER'
    UNION ALL SELECT combination, 'exact', number FROM exact_answers
) USING (combination)
JOIN (
    SELECT 'rough' AS way, * FROM rough_said UNION ALL SELECT 'exact', * FROM exact_said
) AS said USING (way, number);
CREATE VIEW judged AS
SELECT device, mprn, replaces, CASE WHEN since_source IS NOT NULL THEN day END AS since, counted.*
FROM placed JOIN counted USING (combination)
"""

WORDS = (
    "status", "gas_supplier", "named_party", "expected", "expected_ds_serial", "expected_ka_serial",
    "ds_party", "ds_eui", "ds_key", "ds_certificate_status", "ka_party", "ka_eui", "ka_key",
    "ka_certificate_status", "since_source", "known_by", "completeness", "finding", "action_by",
    "action", "requirement", "reason", "exceptions", "exit",
)  # fmt: skip
"""Columns of texts that many devices share."""

_SAID = f"""
CREATE TYPE word AS ENUM (
    SELECT DISTINCT word FROM (SELECT unnest([{", ".join(WORDS)}]) AS word FROM counted)
    WHERE word IS NOT NULL UNION SELECT ''
);
CREATE TABLE said AS
SELECT combination, commissioned_on, meter_commissioned_on, obligation_from, due_on, age_days,
    overdue_days, actionable, {", ".join(f"{word}::word AS {word}" for word in WORDS)}
FROM counted;
"""  # noqa: S608  # names of columns
"""The answers with numbers in place of texts: a row of a report is sorted in a fourth of the room,
without which 25 million do not always find any."""

_COMBINED = (
    "status, smets_version, commissioned_on, gas_network_party, meters, meter_commissioned_on, "
    "has_mprn, mprn_elsewhere, registered, ds_eui, ds_key, ds_doubtful, ka_eui, ka_key, "
    "ka_doubtful, evidence, acb_since, acb_put_by"
)

_ROUGH = (
    "status, smets_version, rough(commissioned_on) AS commissioned_on, gas_network_party, meters, "
    "rough(meter_commissioned_on) AS meter_commissioned_on, has_mprn, mprn_elsewhere, registered, "
    "ds_eui, ds_key, ds_doubtful, ka_eui, ka_key, ka_doubtful, evidence, "
    "NULL::DATE AS acb_since, 'NONE' AS acb_put_by"
)
"""The same with days by which most answers are the same."""

_ANSWERS = (
    "number BIGINT, gas_supplier VARCHAR, named_party VARCHAR, obligation_from DATE, "
    "due_on DATE, age_days INTEGER, overdue_days INTEGER, expected VARCHAR, "
    "expected_ds_serial VARCHAR, expected_ka_serial VARCHAR, ds_party VARCHAR, "
    "ds_certificate_status VARCHAR, ka_party VARCHAR, ka_certificate_status VARCHAR, "
    "known_by VARCHAR, completeness VARCHAR, finding VARCHAR, actionable BOOLEAN, "
    "action_by VARCHAR, action VARCHAR, requirement VARCHAR, reason VARCHAR, exceptions VARCHAR, "
    "exit VARCHAR"
)


class _Combination(NamedTuple):
    """What the rule is asked about, in the order of ``_COMBINED``."""

    number: int
    status: str
    smets_version: str
    commissioned_on: date | None
    gas_network_party: str | None
    meters: int
    meter_commissioned_on: date | None
    has_mprn: bool
    mprn_elsewhere: bool
    registered: str
    ds_eui: str | None
    ds_key: str | None
    ds_doubtful: bool
    ka_eui: str | None
    ka_key: str | None
    ka_doubtful: bool
    evidence: Evidence
    acb_since: date | None
    acb_put_by: Evidence


def judge_all(
    made: Tables,
    build: Build,
    policy: Policy,
    as_of: date,
    *,
    only: Sequence[str] | None = None,
    exits: Mapping[str, str] = MappingProxyType({}),
) -> Registers:
    """Make ``counted``, the answers with how many devices have them, and ``judged``, each GPF.

    ``said`` has the answers once more, for lists of all devices: see ``WORDS``.

    Gives the registers by which it was judged. ``only`` names GPFs: the tables have these, and
    those of the same meter points. ``exits`` says how those of parties stand, by their ids.
    """
    registers = registers_of(made, build)
    join_all(made, build, policy, as_of, only)
    judge = _Judge(registers, policy, as_of, build.made_on, exits)
    # Days tell apart nearly every device. Most answers do not depend on them beyond a few
    # boundaries: these are asked for first, and exactly only where a supplier has to act.
    days = reversed(boundaries(policy, as_of, build.made_on))
    cases = " ".join(f"WHEN day >= DATE '{day}' THEN DATE '{day}'" for day in days)
    made.run(f"CREATE MACRO rough(day) AS CASE {cases} END")
    made.run(
        f"CREATE TABLE rough_inputs AS SELECT combination, {_ROUGH} FROM combinations"  # noqa: S608
    )
    _ask(made, judge, "rough")
    made.run(
        f"CREATE TABLE exact_inputs AS SELECT combination, {_COMBINED} FROM combinations "  # noqa: S608
        "SEMI JOIN (SELECT combination FROM rough_answers WHERE action_by = 'SUPPLIER') "
        "USING (combination)"
    )
    _ask(made, judge, "exact")
    made.run(_COUNTED)
    made.run(_SAID)
    return registers


def certificates_of(registers: Registers) -> Certificates:
    """Give the certificates, each with its party, whose identity may have been imported later."""
    owners = owners_of(registers.parties)
    return Certificates.of(
        [_owned(one, owners.get(one.subject_eui64)) for one in registers.certificates.values()]
    )


def _ask(made: Tables, judge: "_Judge", name: str) -> None:
    """Answer each distinct set of inputs once, and each combination by its set.

    Reads the table ``NAME_inputs`` and makes ``NAME_answers``; all names are constants.
    """
    made.run(
        f"CREATE TABLE {name}_sets AS SELECT row_number() OVER () AS number, * "  # noqa: S608
        f"FROM (SELECT DISTINCT {_COMBINED} FROM {name}_inputs)"
    )
    made.run(f"CREATE TABLE {name}_said ({_ANSWERS})")
    judge.answer_all(made, name)
    equal = equally(_COMBINED, "i", "s")
    made.run(
        f"CREATE TABLE {name}_answers AS SELECT combination, number, action_by "  # noqa: S608
        f"FROM {name}_inputs i JOIN {name}_sets s ON {equal} "
        f"JOIN {name}_said said USING (number)"
    )


class _Judge:
    """Asks the rule."""

    def __init__(
        self,
        registers: Registers,
        policy: Policy,
        as_of: date,
        known_on: date,
        exits: Mapping[str, str],
    ) -> None:
        self._parties = registers.parties
        self._certificates = certificates_of(registers)
        self._policy, self._as_of, self._known_on = policy, as_of, known_on
        self._exits = exits

    def answer_all(self, made: Tables, name: str) -> None:
        """Put the answer to each of ``NAME_sets`` into ``NAME_said``."""
        types = ", ".join(column.split()[1].lower() for column in _ANSWERS.split(", "))
        answers: list[tuple[Any, ...]] = []
        query = f"SELECT number, {_COMBINED} FROM {name}_sets"  # noqa: S608
        for row in made.rows(query):
            answers.append(self._answer(_Combination(*row)))
            if len(answers) == BATCH:
                made.add(f"{name}_said", types, answers)
                answers.clear()
        made.add(f"{name}_said", types, answers)

    def _answer(self, asked: _Combination) -> tuple[Any, ...]:
        found = self._judgement(asked)
        ds = self._certificate(asked.ds_eui, asked.ds_key, "DS")
        ka = self._certificate(asked.ka_eui, asked.ka_key, "KA")
        return (
            asked.number,
            found.gas_supplier,
            found.gas_network_party,
            found.obligation_from,
            found.due_on,
            found.age_days,
            found.overdue_days,
            found.expected,
            *found.expected_certificates,
            *ds,
            *ka,
            found.evidence,
            found.completeness,
            found.finding,
            found.actionable,
            found.action_by,
            found.action,
            found.requirement,
            found.reason or None,
            ";".join(found.exceptions) or None,
            self._exit(ds[0], ka[0], found.gas_network_party),
        )

    def _exit(self, *parties: str | None) -> str | None:
        """Give how the exit stands of who is in the slot, else of whose the meter point is."""
        return next((self._exits[one] for one in parties if one and one in self._exits), None)

    def _judgement(self, asked: _Combination) -> Judgement:
        mprn = "known" if asked.has_mprn else None
        meter = Meter(device_id="", mprn=mprn, commissioned_on=asked.meter_commissioned_on)
        device = Device(
            device_id="",
            status=asked.status,
            known_on=self._known_on,
            smets_version=asked.smets_version,
            commissioned_on=asked.commissioned_on,
            mprn=mprn,
            gas_network_party=asked.gas_network_party,
            meters=(meter,) * asked.meters,
            mprn_elsewhere=asked.mprn_elsewhere,
        )
        slot = Slot(
            digital_signature=cell_of(asked.ds_eui, asked.ds_key, doubtful=asked.ds_doubtful),
            key_agreement=cell_of(asked.ka_eui, asked.ka_key, doubtful=asked.ka_doubtful),
            evidence=asked.evidence,
            acb_since=asked.acb_since,
            acb_put_by=asked.acb_put_by,
        )
        return decide(
            device,
            slot,
            history_of(asked.registered),
            self._parties,
            self._certificates,
            self._policy,
            self._as_of,
        )

    def _certificate(
        self, identity: str | None, key: str | None, usage: KeyUsage
    ) -> tuple[str | None, str | None]:
        """Give party and status of the newest certificate of a cell's key."""
        cell = cell_of(identity, key, doubtful=False)
        held = self._certificates.of_cell(cell, usage) if cell else ()
        return (held[-1].party_id, status_at(held[-1], self._as_of)) if held else (None, None)


def _owned(one: Certificate, owner: str | None) -> Certificate:
    if one.party_id is not None or owner is None:
        return one
    return Certificate(
        serial=one.serial,
        subject_eui64=one.subject_eui64,
        party_id=owner,
        role_code=one.role_code,
        key_usage=one.key_usage,
        key_identifier=one.key_identifier,
        valid=one.valid,
        status=one.status,
    )


def registers_of(made: Tables, build: Build) -> Registers:
    """Read parties and certificates as a build has them."""
    found = Registers()
    for key, text in _records(made, build, "parties"):
        try:
            found.parties[key] = _party_under(key, text)
        except RefusedError as refused:
            found.unreadable.append(Unreadable("gas-network-parties", key, str(refused)))
    for key, text in _records(made, build, "certificates"):
        try:
            if read_record(text.encode()).get("certificate") is not None:
                found.certificates[key] = certificate(text.encode())
        except RefusedError as refused:
            found.unreadable.append(Unreadable("smki-organisation-certificates", key, str(refused)))
    return found


def _party_under(key: str, text: str) -> Party:
    told = party(text.encode())
    if told.party_id != key:
        raise RefusedError("it stands under another key than its own")
    return told


def _records(made: Tables, build: Build, name: str) -> Any:  # noqa: ANN401
    return made.rows(
        f"SELECT key, record FROM {build.table(name)} ORDER BY key"  # noqa: S608
    )
