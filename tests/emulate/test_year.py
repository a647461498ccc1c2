"""A year of a fleet: each report of it says what the devices held, or why nobody could know."""

from collections import Counter
from pathlib import Path

import pytest
from tests.emulate.judging import Found, judged, lines
from tests.emulate.year import START, Year

from slotkeeper.lab.emulated import FaultRates, Plan


def lived(folder: Path, plan: Plan) -> Found:
    year = Year.begin(folder, plan)
    year.fill_registers()
    year.build()
    return judged(year)


def kinds(found: Found) -> Counter[str]:
    return sum(found.rows.values(), Counter())


@pytest.mark.timeout(1_800)
def test_p31_reports_of_a_year_say_what_the_devices_held(tmp_path: Path) -> None:
    """Answers are lost, late, doubled and future-dated, clocks are wrong, registers change."""
    plan = Plan(devices=200, seed="year", start=START, baselines=0.8)
    found = lived(tmp_path, plan)
    assert found.wrong == [], "\n".join(lines(found))
    told = kinds(found)
    assert told["SAME"] > 0.85 * told.total()
    assert {"SILENT", "DOUBTFUL", "NO_EVIDENCE"} <= told.keys()


@pytest.mark.timeout(1_800)
def test_where_nothing_is_lost_no_report_of_a_year_is_wrong(tmp_path: Path) -> None:
    plan = Plan(devices=150, seed="sound", start=START, rates=FaultRates.none())
    found = lived(tmp_path, plan)
    assert found.wrong == [], "\n".join(lines(found))
    # Nobody had told what the slots held at the beginning: who comes back leaves doubt.
    assert kinds(found).keys() <= {"SAME", "DOUBTFUL", "NO_EVIDENCE", "UNVERIFIED"}
