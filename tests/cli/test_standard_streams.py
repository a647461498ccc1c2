"""Every command whose standard streams are closed, cut off or full: told in a line, or no fault."""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import orjson
import pytest

from .every_command import ANYTHING, COMMANDS, DEVICE, Site, every_command
from .forked import CLOSED, MUTE, Ended, Task, forked
from .hostile import CONTROL

FULL = "/dev/full"
"""Every write to it fails as on a disk without room."""

ALONE = {
    "demo": ("--devices", "5"),
    "emulate": ("--devices", "1", "--rounds", "1"),
    "exit rehearse": ("--devices", "10"),
    "lab pki": ("made",),
    "rule": (),
}
"""What is asked of commands that need no store."""

SERVING = {"console"}
"""It ends when it is stopped."""

Ways = Mapping[int, str]

NOBODY: Ways = {0: CLOSED, 1: CLOSED, 2: CLOSED}
NO_OUTPUT: Ways = {1: CLOSED}
NO_READER: Ways = {1: MUTE}
NO_ROOM: Ways = {1: FULL}
UNHEARD: Ways = {1: MUTE, 2: MUTE}
"""What is told is of no use either."""


Run = Callable[..., dict[str, list[Ended]]]


@pytest.fixture
def run_all(rehearsal: Path, tmp_path: Path) -> Run:
    """Run each command once in each way; what all of them promise is checked."""

    def run(*ways: Ways) -> dict[str, list[Ended]]:
        tasks: list[Task] = []
        for number, way in enumerate(ways):
            # Of its own for each way: some commands make something, which they do not do twice.
            site = Site(tmp_path / f"site-{number}")
            shutil.copytree(rehearsal, site.folder)
            line = orjson.dumps({"key": DEVICE, "value": ANYTHING})
            Path(site.file("line.jsonl")).write_bytes(line)
            asked = {name: (*name.split(), *told(site)[0]) for name, told in COMMANDS.items()}
            asked |= {name: (*name.split(), *told) for name, told in ALONE.items()}
            assert asked.keys() | SERVING == set(every_command())
            tasks += [Task(words, way, folder=str(site.folder)) for words in asked.values()]
        ended = forked(tasks)
        for one in ended:
            assert one.status in range(5), one
            assert "Traceback" not in one.err, one
            assert "Exception ignored" not in one.err, one
            assert CONTROL.search(one.out + one.err) is None, one
        return {name: ended[place :: len(asked)] for place, name in enumerate(asked)}

    return run


def test_what_cannot_be_written_is_told_and_what_nobody_reads_is_no_fault(run_all: Run) -> None:
    for closed, unread, full in run_all(NO_OUTPUT, NO_READER, NO_ROOM).values():
        if "standard output is closed" in closed.err:
            assert closed.status == 2, closed
            assert unread.status == 0, unread
            assert full.status == 4, full
            assert "No space left on device" in full.err, full
            assert "make room" in full.err, full


def test_a_command_that_nobody_hears_ends_by_its_own_status(run_all: Run) -> None:
    run_all(NOBODY, UNHEARD)


def test_wrong_use_keeps_its_status_where_it_cannot_be_told() -> None:
    for one in forked(Task(("nosuch",), {2: way}) for way in (CLOSED, MUTE, FULL)):
        assert one.status == 2, one
