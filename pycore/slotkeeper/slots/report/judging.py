"""Judges the devices of a build: the rule is asked once for each distinct combination of inputs.

The tables bring the inputs together and take the answers back; they decide nothing.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from slotkeeper.slots.build.folder import Build
from slotkeeper.slots.build.layout import PLACE
from slotkeeper.slots.facts import (
    Cell,
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
from slotkeeper.slots.rule import RETIRED, Judgement, boundaries, decide, holds_acb
from slotkeeper.slots.standing import status_at
from slotkeeper.slots.tables import BATCH, Tables

_INPUTS = """
CREATE TABLE several (device VARCHAR, several_mprn VARCHAR, several_on DATE);
CREATE VIEW gpfs AS SELECT * FROM {devices} WHERE device_type = 'GPF' AND {among_gpfs};
CREATE VIEW gsmes AS
    SELECT * FROM {devices} WHERE device_type = 'GSME' AND gpf IS NOT NULL
        AND NOT list_contains({retired}, lower(status)) AND {among_meters};
CREATE VIEW told AS SELECT * FROM {history} WHERE {among_gpfs};
CREATE TABLE meters AS
    SELECT gpf AS device, least(count(*), 2) AS meters, any_value(mprn) AS meter_mprn,
        any_value(commissioned_on) AS meter_on
    FROM gsmes GROUP BY gpf;
"""

_RELATED = """
CREATE TABLE related AS
WITH points AS (
    SELECT mprn FROM {devices} WHERE gpf IN (FROM wanted) AND mprn IS NOT NULL
    UNION SELECT mprn FROM {devices} WHERE device IN (FROM wanted) AND mprn IS NOT NULL
)
FROM wanted
UNION SELECT gpf FROM {devices} WHERE gpf IS NOT NULL AND mprn IN (FROM points)
UNION SELECT device FROM {devices} WHERE device_type = 'GPF' AND mprn IN (FROM points)
"""
"""Who must be looked at where only some devices are judged: a meter point may be at two GPFs."""

_JOINED = """
CREATE TABLE points AS
SELECT device, partition, status, smets_version, commissioned_on, gas_network_party, replaces,
    coalesce(meters, 0) AS meters,
    CASE meters WHEN 2 THEN several_on ELSE meter_on END AS meter_commissioned_on,
    CASE meters WHEN 2 THEN several_mprn ELSE coalesce(meter_mprn, gpfs.mprn) END AS mprn
FROM gpfs LEFT JOIN meters USING (device) LEFT JOIN several USING (device);
CREATE TABLE placed AS
WITH twice AS (
    SELECT mprn FROM points WHERE mprn IS NOT NULL AND NOT list_contains({retired}, lower(status))
    GROUP BY mprn HAVING count(*) > 1
)
SELECT points.*, twice.mprn IS NOT NULL AS mprn_elsewhere, coalesce(record, '[]') AS registered
FROM points LEFT JOIN twice USING (mprn) LEFT JOIN {registrations} ON key = points.mprn;
CREATE TABLE stood AS
SELECT held.*, acb_since, acb_put_by FROM held LEFT JOIN began USING (device);
CREATE TABLE joined AS
SELECT placed.device, partition, mprn, replaces, status, smets_version, commissioned_on,
    gas_network_party, meters, meter_commissioned_on, mprn IS NOT NULL AS has_mprn,
    mprn_elsewhere, registered, ds_eui, ds_key,
    coalesce(ds_doubtful, false) OR differs.device IS NOT NULL AS ds_doubtful, ka_eui, ka_key,
    coalesce(ka_doubtful, false) OR differs.device IS NOT NULL AS ka_doubtful,
    CASE WHEN at_source <> 'EXISTED' THEN "at"::DATE END AS since,
    CASE WHEN at_source <> 'EXISTED' THEN at_source END AS since_source,
    coalesce(source, 'NONE') AS evidence, audit_partition, audit_offset, digest,
    acb_since, coalesce(acb_put_by, 'NONE') AS acb_put_by
FROM placed LEFT JOIN stood USING (device)
    LEFT JOIN (SELECT DISTINCT device FROM {differing}) differs ON differs.device = placed.device;
DROP TABLE points; DROP TABLE placed; DROP TABLE stood; DROP TABLE held; DROP TABLE began;
"""
"""Two tables at a time: each that is looked up in takes memory for as long as the query runs."""

_CELLS = "ds_eui, ds_key, ds_doubtful, ka_eui, ka_key, ka_doubtful"

_ORDERED = """
CREATE TABLE ordered AS
SELECT device, {place} AS place, source, acb.ds_key IS NOT NULL AS acb,
    CASE WHEN at_source <> 'EXISTED' THEN "at"::DATE END AS day
FROM told LEFT JOIN acb_cells acb ON {equal}
WHERE "at" < $1;
"""

_HELD = """
CREATE TABLE held AS
SELECT * FROM told
SEMI JOIN (SELECT device, max(place) AS place FROM ordered GROUP BY device) AS one
    ON told.device = one.device AND {place} = one.place;
"""
"""What each slot held at the end of the day."""

_BEGAN = """
CREATE TABLE began AS
WITH others AS (
    SELECT device, max(place) AS last_other FROM ordered WHERE NOT acb GROUP BY device
), firsts AS (
    SELECT device, min(place) AS place FROM ordered LEFT JOIN others USING (device)
    WHERE acb AND (last_other IS NULL OR place > last_other) GROUP BY device
)
SELECT device, day AS acb_since, source AS acb_put_by
FROM ordered JOIN firsts USING (device, place);
"""
"""Since when the ACB has been in each slot that it is in now, and what told of it."""

_JUDGED = """
CREATE TABLE judged AS
SELECT joined.*, said.* EXCLUDE (combination, way) FROM joined
JOIN (
    SELECT device, 'rough' AS way, combination FROM rough_answers WHERE action_by <> 'SUPPLIER'
    UNION ALL SELECT device, 'exact', combination FROM exact_answers
) USING (device)
JOIN (
    SELECT 'rough' AS way, * FROM rough_said UNION ALL SELECT 'exact', * FROM exact_said
) AS said USING (way, combination)
"""

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
    "combination BIGINT, gas_supplier VARCHAR, named_party VARCHAR, obligation_from DATE, "
    "due_on DATE, age_days INTEGER, overdue_days INTEGER, expected VARCHAR, "
    "expected_ds_serial VARCHAR, expected_ka_serial VARCHAR, ds_party VARCHAR, "
    "ds_certificate_status VARCHAR, ka_party VARCHAR, ka_certificate_status VARCHAR, "
    "known_by VARCHAR, completeness VARCHAR, finding VARCHAR, actionable BOOLEAN, "
    "action_by VARCHAR, action VARCHAR, requirement VARCHAR, reason VARCHAR, exceptions VARCHAR"
)


_RETIRED = str(sorted(RETIRED))
"""A device that is gone is joined to nothing: an exchanged meter or hub is not a second one."""


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
    made: Tables, build: Build, policy: Policy, as_of: date, only: Sequence[str] | None = None
) -> Registers:
    """Make the table ``judged``: a row for each GPF of the build.

    Gives the registers by which it was judged. ``only`` names GPFs: the table has these, and those
    of the same meter points.
    """
    registers = registers_of(made, build)
    among = None
    if only is not None:
        made.run("CREATE TABLE wanted (device VARCHAR)")
        for begin in range(0, len(only), BATCH):
            made.add("wanted", "varchar", [(one,) for one in only[begin : begin + BATCH]])
        made.run(_RELATED.format(devices=build.table("devices")))
        among = "IN (FROM related)"
    made.run(
        _INPUTS.format(
            devices=build.table("devices"),
            history=build.table("history"),
            retired=_RETIRED,
            among_gpfs=f"device {among}" if among else "true",
            among_meters=f"gpf {among}" if among else "true",
        )
    )
    made.add("several", "varchar, varchar, date", _meters_that_count(made, build.made_on))
    before = datetime.combine(as_of + timedelta(days=1), datetime.min.time())
    _add_acb_cells(made, policy)
    made.run(_ORDERED.format(place=PLACE, equal=_equal(_CELLS, "told", "acb")), [before])
    made.run(_HELD.format(place=PLACE))
    made.run(_BEGAN)
    made.run(
        _JOINED.format(
            differing=build.table("differing"),
            registrations=build.table("registrations"),
            retired=_RETIRED,
        )
    )
    judge = _Judge(registers, policy, as_of, build.made_on)
    # Days tell apart nearly every device. Most answers do not depend on them beyond a few
    # boundaries: these are asked for first, and exactly only where a supplier has to act.
    days = reversed(boundaries(policy, as_of, build.made_on))
    cases = " ".join(f"WHEN day >= DATE '{day}' THEN DATE '{day}'" for day in days)
    made.run(f"CREATE MACRO rough(day) AS CASE {cases} END")
    made.run(f"CREATE TABLE rough_inputs AS SELECT device, {_ROUGH} FROM joined")  # noqa: S608
    _ask(made, judge, "rough")
    made.run(
        f"CREATE TABLE exact_inputs AS SELECT device, {_COMBINED} FROM joined "  # noqa: S608
        "SEMI JOIN (SELECT device FROM rough_answers WHERE action_by = 'SUPPLIER') USING (device)"
    )
    _ask(made, judge, "exact")
    made.run(_JUDGED)
    return registers


def certificates_of(registers: Registers) -> Certificates:
    """Give the certificates, each with its party, whose identity may have been imported later."""
    owners = owners_of(registers.parties)
    return Certificates.of(
        [_owned(one, owners.get(one.subject_eui64)) for one in registers.certificates.values()]
    )


def _ask(made: Tables, judge: "_Judge", name: str) -> None:
    """Answer each distinct combination of inputs once, and each device by its combination.

    Reads the table ``NAME_inputs`` and makes ``NAME_answers``; all names are constants.
    """
    made.run(
        f"CREATE TABLE {name}_combinations AS SELECT row_number() OVER () AS combination, * "  # noqa: S608
        f"FROM (SELECT DISTINCT {_COMBINED} FROM {name}_inputs)"
    )
    made.run(f"CREATE TABLE {name}_said ({_ANSWERS})")
    judge.answer_all(made, name)
    equal = _equal(_COMBINED, "i", "c")
    made.run(
        f"CREATE TABLE {name}_answers AS SELECT device, combination, action_by "  # noqa: S608
        f"FROM {name}_inputs i JOIN {name}_combinations c ON {equal} "
        f"JOIN {name}_said said USING (combination)"
    )


def _equal(columns: str, one: str, other: str) -> str:
    return " AND ".join(
        f"{one}.{column} IS NOT DISTINCT FROM {other}.{column}" for column in columns.split(", ")
    )


def _add_acb_cells(made: Tables, policy: Policy) -> None:
    """Ask the rule which of the pairs of cells that slots ever held are the ACB's."""
    made.run(
        "CREATE TABLE acb_cells (ds_eui VARCHAR, ds_key VARCHAR, ds_doubtful BOOLEAN, "
        "ka_eui VARCHAR, ka_key VARCHAR, ka_doubtful BOOLEAN)"
    )
    pairs = made.rows(f"SELECT DISTINCT {_CELLS} FROM told")  # noqa: S608
    found = [
        pair
        for pair in pairs
        if holds_acb(
            Slot(
                digital_signature=_cell(pair[0], pair[1], doubtful=pair[2]),
                key_agreement=_cell(pair[3], pair[4], doubtful=pair[5]),
            ),
            policy,
        )
    ]
    made.add("acb_cells", "varchar, varchar, boolean, varchar, varchar, boolean", found)


class _Judge:
    """Asks the rule."""

    def __init__(self, registers: Registers, policy: Policy, as_of: date, known_on: date) -> None:
        self._parties = registers.parties
        self._certificates = certificates_of(registers)
        self._policy, self._as_of, self._known_on = policy, as_of, known_on

    def answer_all(self, made: Tables, name: str) -> None:
        """Put the answer to each of ``NAME_combinations`` into ``NAME_said``."""
        types = ", ".join(column.split()[1].lower() for column in _ANSWERS.split(", "))
        answers: list[tuple[Any, ...]] = []
        query = f"SELECT combination, {_COMBINED} FROM {name}_combinations"  # noqa: S608
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
        )

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
            digital_signature=_cell(asked.ds_eui, asked.ds_key, doubtful=asked.ds_doubtful),
            key_agreement=_cell(asked.ka_eui, asked.ka_key, doubtful=asked.ka_doubtful),
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
        cell = _cell(identity, key, doubtful=False)
        held = self._certificates.of_cell(cell, usage) if cell else ()
        return (held[-1].party_id, status_at(held[-1], self._as_of)) if held else (None, None)


def _cell(identity: str | None, key: str | None, *, doubtful: bool) -> Cell | None:
    if identity is None and not doubtful:
        return None
    return Cell(subject_eui64=identity or "", key_identifier=key or "", doubtful=doubtful)


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


def _meters_that_count(made: Tables, known_on: date) -> list[tuple[str, str | None, date | None]]:
    """Ask the facts which meter counts where a GPF has several: few have."""
    query = (
        "SELECT gsmes.gpf, list({'device': gsmes.device, 'mprn': gsmes.mprn, "
        "'on': gsmes.commissioned_on}), any_value(gpfs.mprn) FROM gsmes "
        "SEMI JOIN (SELECT device AS gpf FROM meters WHERE meters > 1) AS several USING (gpf) "
        "JOIN gpfs ON gpfs.device = gsmes.gpf GROUP BY gsmes.gpf ORDER BY gsmes.gpf"
    )
    rows = []
    for gpf, meters, own in made.rows(query):
        device = Device(
            device_id=gpf,
            status="",
            known_on=known_on,
            mprn=own,
            meters=tuple(
                Meter(device_id=one["device"], mprn=one["mprn"], commissioned_on=one["on"])
                for one in meters
            ),
        )
        meter = device.meter
        rows.append((gpf, device.meter_point, meter.commissioned_on if meter else None))
    return rows


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
