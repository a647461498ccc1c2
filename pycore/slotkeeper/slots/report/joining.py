"""Brings together what the rule is asked about: a row for each GPF, and how often each occurs.

Rows have numbers in place of what many of them share, so that 25 million fit: ``cells`` has what
slots ever held, ``registered`` the histories of meter points, ``combinations`` all that the rule is
asked about.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta

from slotkeeper.slots.build.folder import Build
from slotkeeper.slots.build.layout import PLACE
from slotkeeper.slots.facts import Cell, Device, Meter, Policy, Slot
from slotkeeper.slots.rule import RETIRED, holds_acb
from slotkeeper.slots.tables import BATCH, Tables

_RETIRED = str(sorted(RETIRED))
"""A device that is gone is joined to nothing: an exchanged meter or hub is not a second one."""

_INPUTS = """
CREATE MACRO narrow(eui) AS (eui || '0000000000000000')::UUID;
CREATE VIEW gpfs AS SELECT * FROM {devices} WHERE device_type = 'GPF' AND {among_gpfs};
CREATE VIEW gsmes AS
    SELECT * FROM {devices} WHERE device_type = 'GSME' AND gpf IS NOT NULL
        AND NOT list_contains({retired}, lower(status)) AND {among_meters};
CREATE VIEW told AS SELECT * FROM {history} WHERE {among_gpfs};
CREATE VIEW registrations AS SELECT * FROM {registrations} WHERE {among_points};
CREATE TABLE differs AS SELECT DISTINCT device FROM {differing};
CREATE TABLE registered AS
    SELECT (row_number() OVER ())::INTEGER AS registered, record
    FROM (SELECT DISTINCT record FROM registrations);
CREATE TABLE kinds AS
    SELECT (row_number() OVER ())::INTEGER AS kind, *
    FROM (SELECT DISTINCT partition, status, smets_version, gas_network_party FROM gpfs);
CREATE TABLE crowded AS
    SELECT gpf FROM gsmes WHERE hash(gpf) IN (
        SELECT hash(gpf) FROM gsmes GROUP BY 1 HAVING count(*) > 1
    ) GROUP BY gpf HAVING count(*) > 1;
CREATE TABLE several (device VARCHAR, mprn VARCHAR, commissioned_on DATE);
"""
"""Few GPFs have several meters: they are found by numbers, which takes a fraction of the memory.
An EUI-64 of a build is 23 characters, and as 16 octets of a fixed length it is joined in half the
memory and time; the quickest way there is that of a UUID, whose hyphens may stand anywhere."""

_RELATED = """
CREATE TABLE related AS
WITH points AS (
    SELECT mprn FROM {devices} WHERE gpf IN (FROM wanted) AND mprn IS NOT NULL
    UNION SELECT mprn FROM {devices} WHERE device IN (FROM wanted) AND mprn IS NOT NULL
)
FROM wanted
UNION SELECT gpf FROM {devices} WHERE gpf IS NOT NULL AND mprn IN (FROM points)
UNION SELECT device FROM {devices} WHERE device_type = 'GPF' AND mprn IN (FROM points);
CREATE TABLE related_points AS
    SELECT DISTINCT mprn FROM {devices}
    WHERE mprn IS NOT NULL AND (gpf IN (FROM related) OR device IN (FROM related));
"""
"""Who must be looked at where only some devices are judged: a meter point may be at two GPFs."""

_KIND = "partition, status, smets_version, gas_network_party"

_CELLS = "ds_eui, ds_key, ds_doubtful, ka_eui, ka_key, ka_doubtful, source, at_source, unanchored"

_POINTS = """
CREATE TABLE points AS
SELECT narrow(device) AS device, meters, mprn, commissioned_on, registered
FROM (
    SELECT gpf AS device, 1::TINYINT AS meters, mprn, commissioned_on
    FROM gsmes ANTI JOIN crowded USING (gpf)
    UNION ALL SELECT device, 2::TINYINT, mprn, commissioned_on FROM several
    UNION ALL SELECT device, 0::TINYINT, mprn, NULL FROM gpfs WHERE mprn IS NOT NULL
) LEFT JOIN (SELECT key, registered FROM registrations JOIN registered USING (record)) AS known
    ON known.key = mprn
"""
"""The meter points of each GPF: that of the meter which counts, and with 0 meters its own."""

_SLOTS = (
    "CREATE TABLE slots (device VARCHAR, kind INTEGER, commissioned_on DATE, mprn VARCHAR, "
    "replaces VARCHAR, cells INTEGER, day DATE, acbs BIGINT)"
)

_HELD = """
INSERT INTO slots
WITH held AS (
    SELECT device, arg_max(cells, place) AS cells, max("at")::DATE AS day,
        count(*) FILTER (acb) AS acbs
    FROM (
        SELECT device, cells, acb, "at", {place} AS place
        FROM (FROM {history} WHERE {among}) AS told JOIN cells ON {equal}
    ) WHERE "at" < $1 GROUP BY device
)
SELECT device, kind, commissioned_on, mprn, replaces, cells, day, acbs
FROM (FROM {devices} WHERE device_type = 'GPF' AND {among}) AS gpfs
    JOIN kinds ON {same_kind} LEFT JOIN held USING (device)
"""
"""What each slot held at the end of the day, and how many of its rows so far are the ACB's."""

_AT_ONCE = 6_000_000
"""Rows of devices and history that are brought together in one statement. All that tells of a GPF
stands in its partition: a few partitions at a time fit into memory, 25 million devices do not."""

_BEGAN = """
CREATE TABLE began AS
WITH again AS (SELECT device FROM slots JOIN cells USING (cells) WHERE acb AND acbs > 1),
ordered AS (
    SELECT device, cells, acb, "at", {place} AS place
    FROM told SEMI JOIN again USING (device) JOIN cells ON {equal} WHERE "at" < $1
), others AS (
    SELECT device, max(place) AS last_other FROM ordered WHERE NOT acb GROUP BY device
)
SELECT device, arg_min(cells, place) AS acb_cells, min("at")::DATE AS acb_day
FROM ordered LEFT JOIN others USING (device)
WHERE acb AND (last_other IS NULL OR place > last_other) GROUP BY device
"""
"""Since when the ACB has been in slots that it is in now, of those that it was in before: of others
the last row says it."""

_STANDING = """
CREATE TABLE standing AS
SELECT slots.device, kind, slots.commissioned_on, replaces,
    coalesce(metered.meters, 0)::TINYINT AS meters,
    metered.commissioned_on AS meter_commissioned_on,
    CASE WHEN metered.meters = 2 THEN metered.mprn ELSE coalesce(metered.mprn, slots.mprn)
        END AS mprn,
    CASE WHEN metered.meters = 2 OR metered.mprn IS NOT NULL THEN metered.registered
        ELSE own.registered END AS registered,
    cells, day, coalesce(acb_cells, cells) AS acb_cells, coalesce(acb_day, day) AS acb_day,
    differs.device IS NOT NULL AS differs
FROM slots
    LEFT JOIN (FROM points WHERE meters > 0) AS metered ON metered.device = narrow(slots.device)
    LEFT JOIN (FROM points WHERE meters = 0) AS own ON own.device = narrow(slots.device)
    LEFT JOIN began ON began.device = slots.device
    LEFT JOIN differs ON differs.device = slots.device;
DROP TABLE slots;
DROP TABLE points;
DROP TABLE began;
CREATE TABLE twice AS
WITH live AS (
    SELECT mprn FROM standing JOIN kinds USING (kind)
    WHERE mprn IS NOT NULL AND NOT list_contains({retired}, lower(status))
)
SELECT mprn FROM live
WHERE hash(mprn) IN (SELECT hash(mprn) FROM live GROUP BY 1 HAVING count(*) > 1)
GROUP BY mprn HAVING count(*) > 1;
"""

_NARROW = (
    "kind, commissioned_on, meters, meter_commissioned_on, has_mprn, mprn_elsewhere, registered, "
    "cells, differs, acb_cells, acb_day"
)

_COMBINATIONS = """
CREATE VIEW numbered AS
SELECT device, standing.mprn, replaces, day, kind, commissioned_on, meters, meter_commissioned_on,
    standing.mprn IS NOT NULL AS has_mprn, twice.mprn IS NOT NULL AS mprn_elsewhere, registered,
    standing.cells, differs, CASE WHEN acb THEN acb_cells END AS acb_cells,
    CASE WHEN acb THEN acb_day END AS acb_day
FROM standing LEFT JOIN twice USING (mprn) LEFT JOIN cells USING (cells);
CREATE TABLE counts AS
SELECT row_number() OVER () AS combination, *
FROM (SELECT {narrow}, count(*) AS devices FROM numbered GROUP BY ALL);
CREATE TABLE combinations AS
SELECT combination, devices, partition, status, smets_version, commissioned_on, gas_network_party,
    meters, meter_commissioned_on, has_mprn, mprn_elsewhere, coalesce(record, '[]') AS registered,
    now.ds_eui, now.ds_key, coalesce(now.ds_doubtful, false) OR differs AS ds_doubtful,
    now.ka_eui, now.ka_key, coalesce(now.ka_doubtful, false) OR differs AS ka_doubtful,
    CASE WHEN now.at_source <> 'EXISTED' THEN now.at_source END AS since_source,
    coalesce(now.source, 'NONE') AS evidence, coalesce(now.unanchored, false) AS unanchored,
    CASE WHEN began.at_source <> 'EXISTED' THEN acb_day END AS acb_since,
    coalesce(began.source, 'NONE') AS acb_put_by
FROM counts JOIN kinds USING (kind) LEFT JOIN registered USING (registered)
    LEFT JOIN cells AS now USING (cells)
    LEFT JOIN cells AS began ON began.cells = acb_cells;
CREATE VIEW placed AS
    SELECT device, mprn, replaces, day, combination FROM numbered JOIN counts ON {equal};
CREATE VIEW joined AS
SELECT device, mprn, replaces, CASE WHEN since_source IS NOT NULL THEN day END AS since,
    combinations.* EXCLUDE (devices)
FROM placed JOIN combinations USING (combination);
"""
"""Views of devices come to be when somebody asks for them: a summary asks for none."""


def join_all(
    made: Tables, build: Build, policy: Policy, as_of: date, only: Sequence[str] | None
) -> None:
    """Make ``combinations``, with how many devices have each, and ``joined``, a row for each GPF.

    ``only`` names GPFs: there are these, and those of the same meter points.
    """
    among = points = None
    if only is not None:
        made.run("CREATE TABLE wanted (device VARCHAR)")
        for begin in range(0, len(only), BATCH):
            made.add("wanted", "varchar", [(one,) for one in only[begin : begin + BATCH]])
        made.run(_RELATED.format(devices=build.table("devices")))
        among, points = "IN (FROM related)", "IN (FROM related_points)"
    made.run(
        _INPUTS.format(
            devices=build.table("devices"),
            history=build.table("history"),
            registrations=build.table("registrations"),
            differing=build.table("differing"),
            retired=_RETIRED,
            among_gpfs=f"device {among}" if among else "true",
            among_meters=f"gpf {among}" if among else "true",
            among_points=f"key {points}" if points else "true",
        )
    )
    made.add("several", "varchar, varchar, date", _meters_that_count(made, build.made_on))
    _add_cells(made, policy)
    before = ended(as_of)
    equal = equally(_CELLS, "told", "cells")
    made.run(_POINTS)
    made.run(_SLOTS)
    for partitions in _in_portions(build):
        held = _HELD.format(
            history=build.table("history", partitions),
            devices=build.table("devices", partitions),
            among=f"device {among}" if among else "true",
            place=PLACE,
            equal=equal,
            same_kind=equally(_KIND, "gpfs", "kinds"),
        )
        made.run(held, [before])
    made.run(_BEGAN.format(place=PLACE, equal=equal), [before])
    made.run(_STANDING.format(retired=_RETIRED))
    made.run(_COMBINATIONS.format(narrow=_NARROW, equal=equally(_NARROW, "numbered", "counts")))


def _in_portions(build: Build) -> Iterator[list[int]]:
    """Give the partitions, as many at a time as fit into memory."""
    rows = Counter[int]()
    for table in ("devices", "history"):
        for one in build.files(table):
            rows[one.partition] += one.rows
    some: list[int] = []
    for partition in sorted(rows):
        if some and sum(rows[one] for one in some) + rows[partition] > _AT_ONCE:
            yield some
            some = []
        some.append(partition)
    yield some


def ended(day: date) -> datetime:
    """Give the moment before which all that happened on a day, or earlier, has happened."""
    return datetime.combine(day + timedelta(days=1), datetime.min.time())


def equally(columns: str, one: str, other: str) -> str:
    """Give the condition that two tables say the same in these columns."""
    return " AND ".join(
        f"{one}.{column} IS NOT DISTINCT FROM {other}.{column}" for column in columns.split(", ")
    )


def cell_of(identity: str | None, key: str | None, *, doubtful: bool) -> Cell | None:
    """Give the occupant of a cell; None where nobody is known."""
    if identity is None and not doubtful:
        return None
    return Cell(subject_eui64=identity or "", key_identifier=key or "", doubtful=doubtful)


def _add_cells(made: Tables, policy: Policy) -> None:
    """Number what slots ever held, and ask the rule which of it is the ACB's."""
    types = (
        "integer, varchar, varchar, boolean, varchar, varchar, boolean, varchar, varchar, boolean, "
        "boolean"
    )
    columns = ["cells", *_CELLS.split(", "), "acb"]
    named = ", ".join(
        f"{column} {kind}" for column, kind in zip(columns, types.split(", "), strict=True)
    )
    made.run(f"CREATE TABLE cells ({named})")
    found: list[tuple[object, ...]] = []
    rows = made.rows(f"SELECT DISTINCT {_CELLS} FROM told")  # noqa: S608  # names of columns
    for number, row in enumerate(rows):
        slot = Slot(
            digital_signature=cell_of(row[0], row[1], doubtful=row[2]),
            key_agreement=cell_of(row[3], row[4], doubtful=row[5]),
        )
        found.append((number, *row, holds_acb(slot, policy)))
        if len(found) == BATCH:
            made.add("cells", types, found)
            found.clear()
    made.add("cells", types, found)


def _meters_that_count(made: Tables, known_on: date) -> list[tuple[str, str | None, date | None]]:
    """Ask the facts which meter counts where a GPF has several: few have."""
    query = (
        "SELECT gsmes.gpf, list({'device': gsmes.device, 'mprn': gsmes.mprn, "
        "'on': gsmes.commissioned_on}), any_value(gpfs.mprn) FROM gsmes "
        "SEMI JOIN crowded USING (gpf) "
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
