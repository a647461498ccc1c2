"""D5: the witness of a host that has its own, beside a cluster that others serve as well."""

# ruff: noqa: ASYNC240  # files of a test are small, and nothing else waits for its loop

import json
from pathlib import Path

import pytest
from tests.kafka.harness import CHANGELOG, PARTITION, Bench

from slotkeeper.streams import CommitInDoubtError, StoppedForOperatorError, StoreUnavailableError
from slotkeeper.worker import acknowledge


def file(witness: Path) -> Path:
    return witness.with_name(f"{witness.name}-{PARTITION}")


def raised(witness: Path, by: int) -> None:
    """Let a witness have seen more than there is, as after a restored older copy."""
    content = json.loads(file(witness).read_bytes())
    content["partitions"][str(PARTITION)]["changelog_end"] += by
    file(witness).write_text(json.dumps(content))


async def begun(bench: Bench, witness: Path) -> list[int]:
    async with bench.opened(witness=witness) as streams:
        return await streams.begin_witness()


async def test_d05_a_missing_witness_stops_until_it_is_made_by_hand(
    bench: Bench, tmp_path: Path
) -> None:
    witness = tmp_path / "witness"
    await bench.ask()
    await bench.run(witness=witness)
    # One a partition, of those as well in which nothing was written.
    assert len(list(tmp_path.iterdir())) == 4
    file(witness).unlink()
    await bench.ask()
    for _ in range(2):
        with pytest.raises(StoppedForOperatorError, match="witness init"):
            await bench.run(witness=witness)
    assert await bench.numbers() == [1]
    assert await begun(bench, witness) == [PARTITION]
    await bench.run(witness=witness)
    assert await bench.numbers() == [1, 2]
    assert await begun(bench, tmp_path / "other") == [0, 1, 2, 3]
    await bench.ask()
    await bench.run(witness=tmp_path / "other")


async def test_d05_a_witness_that_cannot_be_written_lets_nothing_be_issued(
    bench: Bench, tmp_path: Path
) -> None:
    witness = tmp_path / "witness"
    await bench.ask()
    await bench.run(witness=witness)
    # Where the new file would be put.
    file(witness).with_name(f"{file(witness).name}.new").mkdir()
    await bench.ask()
    for _ in range(2):
        with pytest.raises(StoreUnavailableError, match="witness"):
            await bench.run(witness=witness)
    assert await bench.numbers() == [1]


async def test_d05_an_acknowledgement_holds_for_the_witnesses_of_all_hosts(
    bench: Bench, tmp_path: Path
) -> None:
    a, b = tmp_path / "a", tmp_path / "b"
    await bench.ask()
    await bench.run(witness=a)
    await begun(bench, b)
    for number in (2, 3):
        raised(a, 100)
        raised(b, 200)
        for witness in (a, b):
            with pytest.raises(StoppedForOperatorError, match="older copy"):
                await bench.run(witness=witness)
        async with bench.opened(witness=a) as streams:
            (accepted,) = await acknowledge(streams, PARTITION, reason="r", by="b")
            assert "older copy" in accepted
        for witness in (b, a, b):
            await bench.run(witness=witness)
        await bench.ask()
        await bench.run(witness=a)
        await bench.run(witness=b)
        assert len(await bench.numbers()) == number


async def test_d05_a_changelog_made_anew_under_its_owner_does_not_lower_the_witness(
    bench: Bench, tmp_path: Path
) -> None:
    witness = tmp_path / "witness"
    async with bench.opened(witness=witness) as streams, streams.own() as ownership:
        owned = await ownership.open(PARTITION)
        await owned.commit([(CHANGELOG, PARTITION, b"k", b"v", [])], {})
        raised(witness, 100)
        kept = file(witness).read_bytes()
        with pytest.raises(CommitInDoubtError, match="seen it at"):
            await owned.commit([(CHANGELOG, PARTITION, b"k", b"v", [])], {})
        assert file(witness).read_bytes() == kept


async def test_d05_a_symbolic_link_to_a_witness_is_followed(bench: Bench, tmp_path: Path) -> None:
    witness, disk = tmp_path / "witness", tmp_path / "disk"
    disk.mkdir()
    await bench.ask()
    await bench.run(witness=witness)
    moved = file(witness).rename(disk / "moved")
    file(witness).symlink_to(moved)
    before = moved.read_bytes()
    await bench.ask()
    await bench.run(witness=witness)
    assert file(witness).is_symlink()
    assert moved.read_bytes() != before
    moved.unlink()
    await bench.ask()
    with pytest.raises(StoppedForOperatorError, match="missing"):
        await bench.run(witness=witness)
    assert await bench.numbers() == [1, 2]
