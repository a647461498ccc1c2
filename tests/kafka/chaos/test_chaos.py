"""D1 to D3 on Kafka: faults of workers, broker and people for a minute, and no law is broken."""

import asyncio
import itertools
import random
from pathlib import Path

import pytest
from tests.kafka.broker import class_archive
from tests.kafka.chaos.conduct import KAFKA, PARTITIONS, WORKERS, conduct
from tests.kafka.chaos.plan import PAUSE_S, Kind, interventions, plan
from tests.kafka.chaos.workers import TRY_LATER, Told, Worker, WorkerFailedError

SECONDS = 75.0


@pytest.fixture
def archive() -> None:
    class_archive(KAFKA)


@pytest.mark.usefixtures("archive")
@pytest.mark.timeout(1_800)
async def test_d01_d02_d03_chaos_breaks_no_law(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(10**6)
    report = await conduct(seed, SECONDS, tmp_path)
    told = "\n".join(report.lines())
    print(told)  # noqa: T201  # pytest shows it with a failure
    assert not report.violations, told
    assert report.commands
    assert report.told.restores


def test_a_seed_gives_its_faults_again() -> None:
    assert plan(7, 300, WORKERS) == plan(7, 300, WORKERS) != plan(8, 300, WORKERS)
    seven, again, eight = (
        interventions(seed, 300, partitions=PARTITIONS, inputs=7) for seed in (7, 7, 8)
    )
    assert seven == again != eight


@pytest.mark.parametrize("seed", range(20))
def test_faults_come_without_rest_and_one_worker_sleeps_at_a_time(seed: int) -> None:
    faults = plan(seed, 600, WORKERS)
    assert {fault.kind for fault in faults} == set(Kind)
    times = [0.0, *(fault.at for fault in faults), 600.0]
    for before, after in itertools.pairwise(times):
        assert after - before <= PAUSE_S[1]
    naps = [fault for fault in faults if fault.kind is Kind.NAP]
    for fault in faults:
        asleep = {nap.worker for nap in naps if nap.at <= fault.at < nap.at + nap.lasts}
        assert len(asleep) <= 1
        assert fault in naps or fault.worker not in asleep


def ending(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, status: int, told: str) -> Worker:
    """Have a worker whose program says something and ends."""
    command = tmp_path / "slotkeeper"
    command.write_text(f"#!/bin/sh\necho '{told}' >&2\nexit {status}\n")
    command.chmod(0o755)
    monkeypatch.setattr("tests.kafka.chaos.workers.COMMAND", command)
    return Worker(tmp_path / "slotkeeper.toml")


@pytest.mark.parametrize(
    ("status", "told"), [(3, "it lost its end"), (0, "the cause"), (1, "the cause")]
)
async def test_a_refusal_for_another_cause_or_none_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int, told: str
) -> None:
    worker = ending(tmp_path, monkeypatch, status=status, told=told)
    worker.may_stop("the cause")
    with pytest.raises(WorkerFailedError, match=told):
        await worker.be_refused()


async def test_a_refusal_for_the_cause_is_what_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = '{"event":"ended early","error":"the cause, and more"}'
    worker = ending(tmp_path, monkeypatch, status=3, told=f"{told}\n{{}}")
    worker.may_stop("another", "the cause")
    await worker.be_refused()
    assert worker.stopped == told
    worker.go_on()
    with pytest.raises(WorkerFailedError):
        await worker.be_refused()


async def test_a_worker_that_stopped_begins_again_when_that_is_put_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = ending(tmp_path, monkeypatch, status=3, told="the cause")
    worker.may_stop("the cause")
    living = asyncio.create_task(worker.live())
    while not worker.stopped:  # noqa: ASYNC110  # told by a process
        await asyncio.sleep(0)
    await worker.rest()
    assert (worker.stopped, worker.exits[3]) == ("the cause", 1)
    worker.go_on()
    with pytest.raises(WorkerFailedError, match="the cause"):
        await living


async def test_a_worker_that_has_just_ended_can_be_retired(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = ending(tmp_path, monkeypatch, status=TRY_LATER, told="away")
    living = asyncio.create_task(worker.live())
    while not worker.exits:  # noqa: ASYNC110  # counted, not told
        await asyncio.sleep(0)
    await worker.retire()
    await living
    assert set(worker.exits) == {TRY_LATER}


def test_a_worker_s_log_tells_what_went_wrong(tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    log.write_text(
        '{"logger": "slotkeeper.worker.partition", "event": "partition is open", "restored": 7,'
        ' "added_to": "memory"}\n'
        '{"logger": "slotkeeper.worker.partition", "event": "partition is restored anew",'
        ' "error": "the partition has a later owner"}\n'
        '{"logger": "aiokafka", "event": "Heartbeat failed"}\n'
        '{"logger": "aiokafka.producer", "event": "Sender", "exception": "Traceback ..."}\n'
        '{"logger": "asyncio", "event": "Task exception", "exception": "Traceback ..."}\n'
        '{"logger": "asyncio", "event": "Task exception ... at /lib/aiokafka/producer/sender.py",'
        ' "exception": "Traceback ..."}\n'
        '{"logger": "asyncio", "event": "Exception in callback cb", "exception": "Traceback ...'
        ' File \\"/lib/aiokafka/producer/message_accumulator.py\\", line 459"}\n'
        '{"logger": "slotkeeper.worker.recovery", "event": "snapshot is refused",'
        ' "partition": 1, "reason": "damaged", "error": "it is cut short"}\n'
        "Segmentation fault\n"
    )
    told = Told()
    told.read(log)
    assert (told.restored, told.fenced, told.of_the_client) == (7, 1, 3)
    assert told.restores == {"memory": 1}
    assert told.events["partition is restored anew"] == 1
    assert len(told.unexpected) == 3
