"""A report that is being made is left alone, and one that failed is not made again for ever."""

import asyncio
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, cast

import pytest

from slotkeeper.pages import keeping
from slotkeeper.pages.desk import Desk
from slotkeeper.pages.jobs import Job, Jobs
from slotkeeper.pages.reports import Reports
from slotkeeper.pages.views.reports import begin_report

DAY, BUILD = date(2026, 11, 26), "00000001"


@dataclass
class Some:
    """What of a desk reports are begun with."""

    slots: Path
    reports: Reports
    jobs: Jobs
    judged: None = None


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    jobs = Jobs(lambda: 0, ())
    return cast("Desk", Some(tmp_path / "slots", Reports(tmp_path / "reports"), jobs))


def begun(desk: Desk) -> Job:
    job = asyncio.run(begin_report(desk, DAY, BUILD))
    assert job is not None
    return job


@pytest.mark.parametrize("state", ["waiting", "running"])
def test_the_folder_of_a_report_in_hand_is_not_emptied(desk: Desk, state: Any) -> None:  # noqa: ANN401
    job = begun(desk)
    job.state = state
    making = desk.reports.folder / f".{desk.reports.name(DAY, BUILD)}"
    making.mkdir()
    (making / "device.csv").write_text("half of it")
    # As the keeper does each second, until the report is there.
    assert begun(desk) is job
    assert (making / "device.csv").read_text() == "half of it"


def test_a_new_one_begins_in_an_empty_folder(desk: Desk) -> None:
    job = begun(desk)
    job.state = "failed"
    making = desk.reports.folder / f".{desk.reports.name(DAY, BUILD)}"
    making.mkdir()
    assert begun(desk) is not job
    assert not making.exists()


def test_the_keeper_does_not_begin_a_failed_report_again(desk: Desk) -> None:
    @dataclass
    class Build:
        name: str = BUILD
        made_on: date = DAY

    def look() -> None:
        asyncio.run(keeping._open(desk, Build()))  # type: ignore[arg-type]

    look()
    [job] = desk.jobs.all()
    look()
    assert desk.jobs.all() == [job]
    job.state = "failed"
    look()
    assert desk.jobs.all() == [job]


def test_what_cannot_be_kept_is_a_failed_job_and_no_end_of_the_pages(desk: Desk) -> None:
    def finish() -> None:
        raise FileNotFoundError(2, "No such file or directory")

    job = Job(1, "a report", ["--version"], "/", finish, with_settings=False)
    asyncio.run(desk.jobs._run(job))
    assert (job.state, job.said) == (
        "failed",
        "what was made cannot be kept: No such file or directory",
    )
