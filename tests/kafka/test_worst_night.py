"""The changelog's topic is lost: numbers come back from the outputs, by the runbook's commands."""

import json
from pathlib import Path

from aiokafka.admin import NewTopic
from tests.durability.test_worst_night import (
    Site,
    assert_nothing_is_given_again,
    follow_the_runbook,
    live,
)
from tests.kafka.harness import CHANGELOG, Bench

from slotkeeper.lab.fleet import Fleet


def site_at(bench: Bench, folder: Path, fleet: Fleet, suffix: str = "") -> Site:
    settings = bench.settings
    return Site(
        folder,
        fleet,
        bench.url,
        f'[kafka]\napplication = "{settings.application}{suffix}"\n'
        f'topic_prefix = "{settings.topic_prefix}{suffix}"\nwitness = "witness"\n',
    )


async def test_no_number_is_given_again_after_the_topic_was_lost(
    bench: Bench, tmp_path: Path
) -> None:
    fleet = Fleet(10, seed=5)
    lost = site_at(bench, tmp_path / "lost", fleet)
    new = site_at(bench, tmp_path / "new", fleet, "new.")
    lost.run("streams", "create")
    live(lost, rounds=1)
    before = lost.commands(), lost.export()
    await bench.delete(CHANGELOG)
    lost.run("streams", "create")
    lost.run("run", "--until-idle", expected=3)
    follow_the_runbook(lost, new)
    assert_nothing_is_given_again(lost, new, *before)


async def test_outputs_may_have_more_partitions_than_a_changelog_that_was_made_anew(
    bench: Bench, tmp_path: Path
) -> None:
    lost = site_at(bench, tmp_path / "lost", Fleet(6, seed=5))
    lost.run("streams", "create")
    live(lost, rounds=0)
    await bench.delete(CHANGELOG)
    anew = NewTopic(bench.topic(CHANGELOG), 1, 1, topic_configs={"cleanup.policy": "compact"})
    async with bench.admin() as client:
        await client.create_topics([anew])
    told = json.loads(lost.run("counters", "rebuild", str(tmp_path / "numbers.jsonl"), "--json"))
    assert told["issued_numbers"] >= 6
    assert all(len(ends) == 4 for ends in told["outputs"].values())
