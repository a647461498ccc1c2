"""The files of a report, out of the judged devices."""

import shutil
from collections.abc import Collection, Iterator, Mapping
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, TypeAlias

import orjson

from slotkeeper.errors import FaultFoundError
from slotkeeper.slots import rule
from slotkeeper.slots.build.folder import Build
from slotkeeper.slots.build.policy import policy_json
from slotkeeper.slots.digest import digest
from slotkeeper.slots.facts import Policy
from slotkeeper.slots.registers.check import odd
from slotkeeper.slots.registers.reading import Registers
from slotkeeper.slots.registers.records import party_id
from slotkeeper.slots.tables import Tables

from .judging import WORDS
from .page import write_page

FORMAT = 1
"""Of the files; columns are only ever appended."""

_EXPIRING_DAYS = 30
"""As ``registers check`` ships with."""

_WORDS = ", ".join(f"{word}::VARCHAR AS {word}" for word in WORDS)

DEVICES = f"""
SELECT device AS device_id, mprn, gas_supplier, named_party AS gas_network_party,
    status AS device_status, commissioned_on AS gpf_commissioned_on,
    meter_commissioned_on AS gsme_commissioned_on, obligation_from, due_on, age_days, overdue_days,
    expected, expected_ds_serial, expected_ka_serial, ds_party, ds_eui AS ds_subject,
    ds_key AS ds_key_identifier, ds_certificate_status, ka_party, ka_eui AS ka_subject,
    ka_key AS ka_key_identifier, ka_certificate_status, since AS slot_since,
    since_source AS slot_since_source, known_by AS evidence, completeness, finding, actionable,
    action_by, action, requirement, reason, exceptions, exit, replaces
FROM (
    SELECT * REPLACE ({_WORDS}) FROM (
        SELECT device, mprn, replaces, CASE WHEN since_source IS NOT NULL THEN day END AS since,
            said.*
        FROM placed JOIN said USING (combination) ORDER BY device
    )
) WHERE {{whose}}
"""  # noqa: S608  # names of columns
"""A line for each device, out of the judged ones of whose, in order. They are sorted before texts
take the place of their numbers."""

APPLICABLE = "finding <> 'NOT_APPLICABLE'"

_SUMMARY = """
SELECT gas_supplier, named_party AS gas_network_party, finding, known_by AS evidence,
    CASE WHEN age_days IS NULL THEN NULL WHEN age_days <= 7 THEN '0-7'
        WHEN age_days <= 30 THEN '8-30' WHEN age_days <= 90 THEN '31-90'
        WHEN age_days <= 365 THEN '91-365' ELSE '366+' END AS age_band,
    sum(devices)::BIGINT AS devices
FROM counted WHERE {whose} GROUP BY ALL
ORDER BY gas_supplier NULLS FIRST, gas_network_party NULLS FIRST, finding, evidence,
    min(age_days) NULLS FIRST
"""

_EXCEPTIONS = """
SELECT * FROM (
    SELECT kind, party_id, serial, NULL::VARCHAR AS mprn, NULL::VARCHAR AS device_id, since, detail
    FROM odd
    UNION ALL
    SELECT kind, named_party, NULL, mprn, device, NULL,
        CASE kind WHEN 'FORMER_SUPPLIER' THEN reason END
    FROM (
        SELECT unnest(string_split(exceptions, ';')) AS kind, named_party, mprn, device, reason
        FROM judged WHERE finding <> 'NOT_APPLICABLE' AND exceptions IS NOT NULL
    ) WHERE kind NOT IN ('SUBSCRIBER_NOT_USER', 'HALF_SUBSCRIBED')
) ORDER BY ALL
"""
"""What is odd of a party stands once, not at each of its devices."""

_EXCEPTION_LINES = """
SELECT kind, sum(lines)::BIGINT AS lines FROM (
    SELECT kind, count(*) AS lines FROM odd GROUP BY 1
    UNION ALL
    SELECT kind, sum(devices) FROM (
        SELECT unnest(string_split(exceptions, ';')) AS kind, devices
        FROM counted WHERE finding <> 'NOT_APPLICABLE' AND exceptions IS NOT NULL
    ) WHERE kind NOT IN ('SUBSCRIBER_NOT_USER', 'HALF_SUBSCRIBED') GROUP BY 1
) GROUP BY 1 ORDER BY 1
"""
"""How many lines of each kind that is, without a look at the devices."""

Split: TypeAlias = Literal["supplier", "gnp"]
_WHOSE: dict[Split, str] = {"supplier": "gas_supplier", "gnp": "named_party"}

CSV = "(FORMAT csv, HEADER true, DELIMITER ',', QUOTE '\"', ESCAPE '\"', NULLSTR '')"
"""RFC 4180 with LF; what is not known is empty."""

_CSV_ON = CSV.replace("HEADER true", "HEADER false")

_SORTED = 4_000_000
"""Lines that are sorted at once. To sort 25 million DuckDB holds on to 1.6 GB, and to write them in
order to 1.3 GB more: that is all of the memory, and on a busy machine it found no more."""

_DRAWN = 10_000
"""Devices that are drawn to part all of them; which ones they are shows nowhere."""

_AT_ONCE = 1 << 24
"""Octets."""


def write_report(
    made: Tables,
    build: Build,
    registers: Registers,
    *,
    policy: Policy,
    as_of: date,
    out: Path,
    formats: Collection[str],
    warnings: list[str],
    split_by: Split | None = None,
) -> dict[str, Any]:
    """Write the files; gives the reconciliation.

    The manifest is written last: a folder without one is not complete. ``split_by`` gives each
    supplier or network party a folder with its own rows and no others; what belongs to nobody
    known is in the whole report alone.
    """
    _add_odd(made, registers, as_of)
    files = []
    if "csv" in formats:
        write_devices(made, out / "device.csv")
        files.append("device.csv")
        for name, query in (
            ("summary.csv", _SUMMARY.format(whose=APPLICABLE)),
            ("exceptions.csv", _EXCEPTIONS),
        ):
            made.run(f"COPY ({query}) TO $1 {CSV}", [str(out / name)])
            files.append(name)
    if "parquet" in formats:
        write_devices(made, out / "report.parquet")
    if split_by is not None:
        files += _shares(made, out, split_by, formats)
    totals = _reconciliation(made)
    if "json" in formats:
        _write(out / "reconciliation.json", totals)
        files.append("reconciliation.json")
    if "html" in formats:
        beside = [name for name in files if "/" not in name]
        path = out / "report.html"
        write_page(made, build, policy, as_of, totals, warnings, _EXCEPTION_LINES, beside, path)
        files.append(path.name)
    manifest = {
        "format": FORMAT,
        "as_of": str(as_of),
        "build": build.name,
        "built_at": build.manifest["made_at"],
        "rule_version": rule.VERSION,
        "policy": policy_json(policy),
        "positions": build.manifest["positions"],
        "made_of": build.manifest["files"],
        "warnings": warnings,
        "files": {name: digest(out / name) for name in files},
    }
    _write(out / "manifest.json", manifest)
    build.name_in(out / "manifest.json")
    return totals


def write_devices(made: Tables, file: Path, whose: str = APPLICABLE) -> None:
    """Write the lines of judged devices, sorted, as CSV or Parquet by the file's name.

    ``whose`` is a condition on them.

    Raises:
        FaultFoundError: Not as many lines were written as devices were counted.
    """
    is_csv = file.suffix == ".csv"
    expected = sum(_counted(made, "partition", whose).values())
    parts, written = [], 0
    for number, some in enumerate(_ranges(made, expected)):
        part = file.with_name(f".{file.name}.{number}")
        rows = DEVICES.format(whose=f"{whose} AND {some}")
        form = (_CSV_ON if number else CSV) if is_csv else "(FORMAT parquet)"
        written += made.one(f"COPY ({rows}) TO $1 {form}", [str(part)])
        parts.append(part)
    if written != expected:
        raise FaultFoundError(f"{file.name}: {written} lines were written of {expected} devices")
    if len(parts) == 1:
        parts[0].rename(file)
        return
    if is_csv:
        with file.open("wb") as whole:
            for part in parts:
                with part.open("rb") as octets:
                    shutil.copyfileobj(octets, whole, _AT_ONCE)
                part.unlink()
        return
    made.run("COPY (FROM read_parquet($2)) TO $1 (FORMAT parquet)", [str(file), [*map(str, parts)]])
    for part in parts:
        part.unlink()


def _ranges(made: Tables, devices_in_all: int) -> Iterator[str]:
    """Give conditions that part the devices in their order, into as many as are sorted at once."""
    count = -(-devices_in_all // _SORTED)
    borders: list[str] = []
    if count > 1:
        drawn = f"SELECT device FROM standing USING SAMPLE {_DRAWN} ROWS"  # noqa: S608
        devices = sorted(device for (device,) in made.rows(drawn))
        borders = sorted({devices[len(devices) * place // count] for place in range(1, count)})
    quoted = ["'" + border.replace("'", "''") + "'" for border in borders]
    for low, high in pairwise([None, *quoted, None]):
        above = f"device >= {low}" if low else "true"
        yield f"{above} AND device < {high}" if high else above


def _shares(made: Tables, out: Path, split_by: Split, formats: Collection[str]) -> list[str]:
    column = _WHOSE[split_by]
    query = f"SELECT DISTINCT {column} FROM counted WHERE {column} IS NOT NULL ORDER BY 1"  # noqa: S608
    files = []
    for (party,) in list(made.rows(query)):
        folder = Path(f"by-{split_by}") / party
        (out / folder).mkdir(parents=True)
        # It names a folder and stands in a query, whoever has written the build.
        party_id(party, column)
        whose = f"{APPLICABLE} AND {column} = '{party}'"
        write_devices(made, out / folder / "device.csv", whose)
        summary = _SUMMARY.format(whose=whose)
        made.run(f"COPY ({summary}) TO $1 {CSV}", [str(out / folder / "summary.csv")])
        files += [str(folder / name) for name in ("device.csv", "summary.csv")]
        if "json" in formats:
            _write(out / folder / "summary.json", _totals(made, whose))
            files.append(str(folder / "summary.json"))
    return files


def _reconciliation(made: Tables) -> dict[str, Any]:
    judged = _counted(made, "partition", APPLICABLE)
    # The inventory is counted anew, so that a device which was lost on the way would show.
    gpfs = list(made.rows("SELECT partition, count(*) FROM gpfs GROUP BY 1 ORDER BY 1"))
    return {
        "gpfs": sum(count for _, count in gpfs),
        "judged": sum(judged.values()),
        "not_applicable": _counted(made, "reason", "finding = 'NOT_APPLICABLE'"),
        **_totals(made, APPLICABLE),
        "partitions": [
            {"partition": number, "gpfs": count, "judged": judged.get(number, 0)}
            for number, count in gpfs
        ],
    }


def _totals(made: Tables, whose: str) -> dict[str, Any]:
    return {
        "findings": _counted(made, "finding", whose),
        "evidence": _counted(made, "known_by", whose),
        "unanchored": _counted(made, "unanchored", whose).get(True, 0),
    }


def _counted(made: Tables, column: str, where: str) -> dict[Any, int]:
    query = (
        f"SELECT {column}, sum(devices)::BIGINT FROM counted WHERE {where} "  # noqa: S608
        "GROUP BY 1 ORDER BY 1"
    )
    return dict(made.rows(query))


def reconciles(totals: Mapping[str, Any]) -> bool:
    """Say whether every GPF of the inventory was judged or has a reason why not."""
    applicable = totals["judged"] + sum(totals["not_applicable"].values())
    return bool(
        totals["gpfs"] == applicable and totals["judged"] == sum(totals["findings"].values())
    )


def _add_odd(made: Tables, registers: Registers, as_of: date) -> None:
    made.run(
        "CREATE TABLE odd "
        "(kind VARCHAR, party_id VARCHAR, serial VARCHAR, since DATE, detail VARCHAR)"
    )
    found = [
        (one.kind, one.party_id or None, one.serial or None, one.since, one.detail)
        for one in odd(registers, as_of, days=_EXPIRING_DAYS)
    ]
    made.add("odd", "varchar, varchar, varchar, date, varchar", found)


def _write(path: Path, value: Mapping[str, Any]) -> None:
    path.write_bytes(orjson.dumps(value, option=orjson.OPT_INDENT_2) + b"\n")
