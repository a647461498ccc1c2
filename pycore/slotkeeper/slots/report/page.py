"""The report as one page for people: no script, nothing from another file or host."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from slotkeeper.explain.findings import (
    ACTIONS,
    ACTORS,
    CANNOT_SIGN,
    EVIDENCE,
    EXCEPTIONS,
    FINDINGS,
    NOT_APPLICABLE,
)
from slotkeeper.looks.charts import Bar, bars, columns
from slotkeeper.looks.pages import environment, number, share
from slotkeeper.looks.states import FINDINGS as STATES
from slotkeeper.looks.states import State
from slotkeeper.slots.build.folder import Build
from slotkeeper.slots.facts import Policy
from slotkeeper.slots.tables import Tables

MOST_ROWS = 100
"""Of a table on the page: what a person looks through; the files have all."""

BANDS = ("0-7", "8-30", "31-90", "91-365", "366+")
"""Days since a duty began."""

_APPLICABLE = """
CREATE VIEW applicable AS FROM counted WHERE finding <> 'NOT_APPLICABLE';
CREATE MACRO those(devices, condition) AS coalesce(sum(devices) FILTER (condition), 0)::BIGINT;
"""

_FINDINGS = "SELECT finding, sum(devices)::BIGINT AS devices FROM applicable GROUP BY 1"

_TO_DO = """
SELECT action_by, action, sum(devices)::BIGINT AS devices,
    those(devices, overdue_days IS NOT NULL) AS late, max(overdue_days) AS longest,
    those(devices, NOT actionable) AS not_now
FROM applicable WHERE action_by <> 'NOBODY' GROUP BY ALL
ORDER BY devices DESC, action_by, action
"""

_SUPPLIERS = """
SELECT gas_supplier AS name, those(devices, finding = 'ACTION_ON_SUPPLIER') AS late,
    max(overdue_days) AS longest, those(devices, finding = 'PENDING') AS pending,
    those(devices, finding = 'PLACEMENT_POSSIBLE') AS possible,
    those(devices, finding = 'PARTIAL' AND action_by = 'SUPPLIER') AS half,
    those(devices, action_by = 'SUPPLIER_OR_GNO') AS unknown
FROM applicable WHERE action_by IN ('SUPPLIER', 'SUPPLIER_OR_GNO') GROUP BY 1
ORDER BY late DESC, pending DESC, half DESC, possible DESC, unknown DESC, name NULLS LAST
"""

_HOLDERS = """
SELECT ds_party AS name, those(devices, action = 'SRV_6.15.1') AS hand_back,
    those(devices, finding = 'WRONG_GNO') AS wrong,
    those(devices, finding = 'EXIT_OUTSTANDING') AS leaving,
    those(devices, action = 'BECOME_USER') AS become_user,
    those(devices, action_by = 'NOBODY_REMOTELY') AS stranded
FROM applicable WHERE ds_party IS NOT NULL
    AND action_by IN ('GNO_IN_SLOT', 'NOBODY_REMOTELY') GROUP BY 1
ORDER BY hand_back + become_user + stranded DESC, name
"""

_PARTIES = """
SELECT named_party AS name, sum(devices)::BIGINT AS devices,
    those(devices, finding = 'COMPLIANT') AS compliant,
    those(devices, action_by = 'SUPPLIER') AS suppliers,
    those(devices, action_by = 'GNO_IN_SLOT') AS operators,
    those(devices, action_by IN ('DCC', 'DCC_SECURITY', 'SUPPLIER_OR_GNO')) AS unclear,
    those(devices, finding = 'STRANDED') AS stranded
FROM applicable GROUP BY 1 ORDER BY devices DESC, name NULLS LAST
"""

_STRANDED = """
SELECT string_split(reason, ';')[1] AS reason, sum(devices)::BIGINT AS devices FROM applicable
WHERE finding = 'STRANDED' GROUP BY 1 ORDER BY devices DESC, 1
"""

_AGES = """
SELECT finding, CASE WHEN age_days <= 7 THEN '0-7' WHEN age_days <= 30 THEN '8-30'
    WHEN age_days <= 90 THEN '31-90' WHEN age_days <= 365 THEN '91-365' ELSE '366+' END AS band,
    sum(devices)::BIGINT AS devices
FROM applicable WHERE age_days IS NOT NULL GROUP BY ALL
"""


@dataclass(frozen=True, slots=True)
class Some:
    """The first rows of a table, and how many there are.

    Attributes:
        rows: As many as a person looks through.
        count: Of all.
    """

    rows: Sequence[Mapping[str, Any]]
    count: int

    @property
    def more(self) -> int:
        """How many are not shown."""
        return self.count - len(self.rows)


def write_page(  # noqa: PLR0917  # what stands on it
    made: Tables,
    build: Build,
    policy: Policy,
    as_of: date,
    totals: Mapping[str, Any],
    warnings: Sequence[str],
    exceptions: str,
    files: Sequence[str],
    path: Path,
) -> None:
    """Write the page of a report.

    Args:
        made: With the judged devices.
        build: Whose they are.
        policy: By which they were judged.
        as_of: The day.
        totals: The reconciliation.
        warnings: What must be read first.
        exceptions: A query: how many lines of each kind ``exceptions.csv`` has.
        files: What stands beside the page.
        path: Of the file.
    """
    made.run(_APPLICABLE)
    findings: dict[str, int] = {
        row["finding"]: row["devices"] for row in made.named(f"{_FINDINGS} ORDER BY 2 DESC, 1")
    }
    ages = {(row["finding"], row["band"]): row["devices"] for row in made.named(_AGES)}
    to_do = list(made.named(_TO_DO))
    page = environment(Path(__file__).parent / "templates").get_template("report.html")
    text = page.render(
        as_of=as_of,
        build=build,
        policy=policy,
        totals=totals,
        warnings=warnings,
        answer=answer(findings, to_do),
        findings=findings,
        findings_picture=_findings_picture(findings),
        to_do=to_do,
        suppliers=_some(made, _SUPPLIERS),
        holders=_some(made, _HOLDERS),
        parties=_some(made, _PARTIES),
        stranded=list(made.named(_STRANDED)),
        bands=BANDS,
        heads=[(band, "number") for band in BANDS],
        files=files,
        still_sign=_still_sign(policy),
        ages=ages,
        aged=sorted({finding for finding, _ in ages}),
        ages_picture=_ages_picture(ages) if ages else "",
        exceptions=list(made.named(exceptions)),
        sentences=FINDINGS,
        actions=ACTIONS,
        evidence=EVIDENCE,
        oddities=EXCEPTIONS,
        cannot_sign=CANNOT_SIGN,
        not_applicable=NOT_APPLICABLE,
    )
    path.write_text(text)


def answer(findings: Mapping[str, int], to_do: Sequence[Mapping[str, Any]]) -> list[str]:
    """Say how things stand, in a few sentences: the first is the answer."""
    judged = sum(findings.values())
    if not judged:
        return ["The rule is about none of the devices in this build."]
    good = findings.get("COMPLIANT", 0)
    said = [
        f"{number(good)} of {number(judged)} slots ({share(good, judged)}) hold what belongs there."
    ]
    if late := findings.get("ACTION_ON_SUPPLIER", 0):
        said.append(f"On {number(late)} the supplier is late.")
    said += [
        f"{number(devices)} wait for {ACTORS[who]}."
        for who in ("GNO_IN_SLOT", "SUPPLIER_OR_GNO", "DCC", "DCC_SECURITY")
        if (devices := sum(one["devices"] for one in to_do if one["action_by"] == who))
    ]
    if waiting := findings.get("PENDING", 0) + findings.get("PLACEMENT_POSSIBLE", 0):
        said.append(f"{number(waiting)} can still be placed by their suppliers without being late.")
    remote = sum(one["devices"] for one in to_do if one["action_by"] == "NOBODY_REMOTELY")
    if remote:
        said.append(f"{number(remote)} are stranded: they take a site visit or a recovery.")
    return said


def _findings_picture(findings: Mapping[str, int]) -> str:
    rows = [
        Bar(
            name=finding,
            value=devices,
            state=STATES.get(finding, State.UNKNOWN),
        )
        for finding, devices in findings.items()
    ]
    told = ", ".join(f"{finding} {number(devices)}" for finding, devices in findings.items())
    return bars("findings", "Devices by finding", f"Bars from zero: {told}.", rows)


def _ages_picture(ages: Mapping[tuple[str, str], int]) -> str:
    counts = {
        band: sum(devices for (_, one), devices in ages.items() if one == band) for band in BANDS
    }
    told = ", ".join(f"{band} days {number(devices)}" for band, devices in counts.items())
    rows = [Bar(name=band, value=devices, state=State.ACT) for band, devices in counts.items()]
    return columns("ages", "Devices by age of the duty", f"Columns from zero: {told}.", rows)


def _still_sign(policy: Policy) -> str:
    more = [
        word
        for word, signs in (
            ("expired ones", policy.expired_signs),
            ("those not in use", policy.not_in_use_signs),
        )
        if signs
    ]
    return " and ".join(["certificates in use", *more])


def _some(made: Tables, query: str) -> Some:
    # The query is a constant of this module.
    count = made.one(f"SELECT count(*) FROM ({query})")  # noqa: S608
    return Some(list(made.named(f"{query} LIMIT {MOST_ROWS}")), count)
