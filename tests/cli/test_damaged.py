"""A damaged record, from what a person sees to the command that mends it."""

import json
import shlex
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

import slotkeeper.cli.counters  # noqa: F401  # its modules are looked up by name
from slotkeeper.streams import StoreUnavailableError

from .conftest import Cli, Site, site_in


def damage(site: Site, device: str) -> None:
    """Let one octet of the device's changelog record rot."""
    with closing(sqlite3.connect(site.config.parent / "streams.db")) as file, file:
        # A changelog record begins with its format, a small number; what is JSON does not.
        found = file.execute(
            "SELECT id, value FROM compacted WHERE key = ? AND substr(value, 1, 1) < X'10'",
            (device.encode(),),
        )
        ((row, value),) = found.fetchall()
        rotten = value[:-1] + bytes([value[-1] ^ 1])
        file.execute("UPDATE compacted SET value = ? WHERE id = ?", (rotten, row))


def test_d12_a_damaged_record_is_mended_as_show_says(cli: Cli, served: Site) -> None:
    at = ("--config", served.config)
    device = str(served.fleet.members[0].gpf.device.eui)
    issued = [
        line["value"]["originator_counter"]
        for line in map(
            json.loads, cli("read", "cs02b-commands", "--from-start", *at).stdout.splitlines()
        )
        if line["key"] == device
    ]
    damage(served, device)
    # Seen before and after a worker has marked the record.
    for _ in range(2):
        story = json.loads(cli("counters", "show", device, "--json", *at).stdout)
        # A number is used for both roles, whichever role its command had.
        highest = max(issued, key=int)
        assert story["damaged"] == {"NetworkOperator": highest, "Supplier": highest}
        shown = cli("counters", "show", device, *at).stdout
        cli("run", "--until-idle", *at)

    said = [line for line in shown.splitlines() if line.startswith("slotkeeper counters raise")]
    assert len(said) == 2
    for line in said:
        cli(*shlex.split(line)[1:], *at)
    cli("run", "--until-idle", *at)
    assert json.loads(cli("counters", "show", device, "--json", *at).stdout)["damaged"] == {}


@pytest.mark.parametrize("persons", [("ann", "bob"), ("ann",)])
def test_d12_no_number_below_those_of_the_outputs_mends(
    cli: Cli, served: Site, persons: tuple[str, ...]
) -> None:
    """Two persons are told of a slip before it is published; what one says mends nothing."""
    at = ("--config", served.config)
    device = str(served.fleet.members[0].gpf.device.eui)
    damage(served, device)
    cli("run", "--until-idle", *at)
    highest = json.loads(cli("counters", "show", device, "--json", *at).stdout)["damaged"]
    refused = len(persons) > 1
    by = [word for person in persons for word in ("--by", person)]
    how = ("--kind", "issued", "--reason", "r", *by)
    for number in (1, int(highest["Supplier"]) - 1):
        what = ("counters", "raise", device, "--role", "Supplier", "--at-least", str(number))
        done = cli(*what, *how, *at, expected=2 if refused else 0)
        assert (f"at least {highest['Supplier']}" in done.stderr) == refused
    cli("run", "--until-idle", *at)
    assert json.loads(cli("counters", "show", device, "--json", *at).stdout)["damaged"] == highest


async def test_what_cannot_be_compared_now_is_raised_all_the_same(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where a transaction hangs, raising what it showed comes before it is aborted."""
    module = sys.modules["slotkeeper.cli.counters.raise_number"]

    async def waits(*_: object) -> None:
        raise StoreUnavailableError("nothing came for 60 s")

    monkeypatch.setattr(module, "damaged_roles_of", waits)
    await module._refuse_too_low(None, "00-DB-12-34-56-78-90-A3", "Supplier", 1)
    assert "not compared" in capsys.readouterr().err


def test_d12_a_person_may_know_better_than_the_outputs(cli: Cli, served: Site) -> None:
    """Whoever may write there could otherwise have a device raised until it is exhausted."""
    at = ("--config", served.config)
    device = str(served.fleet.members[0].gpf.device.eui)
    damage(served, device)
    what = ("counters", "raise", device, "--role", "Supplier", "--kind", "issued")
    how = ("--at-least", "1", "--reason", "r", "--by", "ann", "--by", "bob", *at)
    told = cli(*what, *how, expected=2).stderr
    assert "cs02b-commands partition" in " ".join(told.split())
    cli(*what, "--below-outputs", *how)
    cli("run", "--until-idle", *at)
    damaged = json.loads(cli("counters", "show", device, "--json", *at).stdout)["damaged"]
    assert damaged.keys() == {"NetworkOperator"}


def test_d12_an_export_mends_no_damaged_record(cli: Cli, served: Site, tmp_path: Path) -> None:
    """It may be older than the damage, and nobody has looked at the device."""
    at = ("--config", served.config)
    device = str(served.fleet.members[0].gpf.device.eui)
    exported = tmp_path / "exported.jsonl"
    cli("counters", "export", exported, *at)
    damage(served, device)
    cli("run", "--until-idle", *at)
    shown = ("counters", "show", device, "--json", *at)
    before = json.loads(cli(*shown).stdout)["damaged"]
    cli("counters", "import", exported, "--reason", "r", "--by", "ann", "--by", "bob", *at)
    cli("run", "--until-idle", *at)
    assert json.loads(cli(*shown).stdout)["damaged"] == before != {}


@pytest.mark.parametrize("state", ["unmarked", "marked", "half mended"])
def test_d12_a_damaged_record_goes_into_no_other_store(
    cli: Cli, served: Site, tmp_path: Path, state: str
) -> None:
    """Its highest number is unknown: a store without the mark would begin with 1."""
    at = ("--config", served.config)
    device = str(served.fleet.members[0].gpf.device.eui)
    damage(served, device)
    if state != "unmarked":
        cli("run", "--until-idle", *at)
    if state == "half mended":
        story = json.loads(cli("counters", "show", device, "--json", *at).stdout)
        number = story["damaged"]["NetworkOperator"]
        how = ("--kind", "issued", "--at-least", number, "--reason", "r", "--by", "a", "--by", "b")
        cli("counters", "raise", device, *how, *at)
        cli("run", "--until-idle", *at)
    exported = tmp_path / "exported.jsonl"
    done = cli("counters", "export", exported, *at, expected=1)
    assert device in done.stderr
    lines = [json.loads(line) for line in exported.read_text().splitlines()]
    roles = {one["remote_party_role"] for one in lines if one.get("damaged")}
    assert roles == {"Supplier"} | ({"NetworkOperator"} if state != "half mended" else set())

    there = ("--config", site_in(tmp_path / "new").config)
    by = ("--reason", "r", "--by", "ann", "--by", "bob")
    done = cli("counters", "import", exported, *by, *there, expected=1)
    assert f"the record of {device} is damaged" in done.stderr
    assert "nothing was published" in done.stderr
