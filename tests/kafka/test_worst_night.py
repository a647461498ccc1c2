"""The changelog's topic is lost: numbers come back from the outputs, by the runbook's commands."""

from pathlib import Path

from tests.durability.test_worst_night import (
    Site,
    assert_nothing_is_given_again,
    follow_the_runbook,
    live,
)
from tests.kafka.harness import CHANGELOG, Bench

from slotkeeper.lab.fleet import Fleet


async def test_no_number_is_given_again_after_the_topic_was_lost(
    bench: Bench, tmp_path: Path
) -> None:
    fleet = Fleet(10, seed=5)

    def site(name: str, suffix: str) -> Site:
        settings = bench.settings
        return Site(
            tmp_path / name,
            fleet,
            bench.url,
            f'[kafka]\napplication = "{settings.application}{suffix}"\n'
            f'topic_prefix = "{settings.topic_prefix}{suffix}"\nwitness = "witness"\n',
        )

    lost, new = site("lost", ""), site("new", "new.")
    lost.run("streams", "create")
    live(lost, rounds=1)
    before = lost.commands(), lost.export()
    await bench.delete(CHANGELOG)
    lost.run("streams", "create")
    lost.run("run", "--until-idle", expected=3)
    follow_the_runbook(lost, new)
    assert_nothing_is_given_again(lost, new, *before)
