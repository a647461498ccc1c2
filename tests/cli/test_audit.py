"""`audit verify`: what was done to an audit trail, and where first."""

import json
import sqlite3
import subprocess
from collections.abc import Sequence
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slotkeeper._core import link_audit
from slotkeeper.audit_chain import Anchor, ChainCheck, Finding
from slotkeeper.cli.audit.verify import TrailCheck
from slotkeeper.engine.port import AuditHead
from slotkeeper.settings import Settings
from slotkeeper.streams import Output, Sighting, open_streams
from slotkeeper.worker.audit import AUDIT_TRAIL
from slotkeeper.worker.positions import KEY, Positions

from .conftest import Cli, Site

CHANGELOG = "originator-counters"


def chain(count: int, head: AuditHead | None = None) -> list[bytes]:
    values = []
    for number in range(count):
        value, head = link_audit(b'{"kind":"decision","at":%d}' % number, head)
        values.append(value)
    return values


def checked(values: Sequence[bytes], *anchors: Anchor) -> ChainCheck:
    check = ChainCheck(anchors)
    for offset, value in enumerate(values):
        check.take(offset, value)
    check.finish()
    return check


def first(check: ChainCheck) -> tuple[int, str]:
    finding = check.findings[0]
    return finding.offset, finding.what


def head(values: Sequence[bytes], number: int = 0) -> AuditHead:
    """Give the head after so many records, or after all."""
    last = values[number - 1]
    return orjson.loads(last)["number"], sha256(last).digest()


def altered(value: bytes) -> bytes:
    return value.replace(b"decision", b"Decision")


def test_a_whole_chain_has_no_findings_wherever_it_is_cut_at_its_beginning() -> None:
    values = chain(50)
    for begin in (0, 1, 20, 49):
        check = checked(values[begin:], Anchor("the changelog", head(values)))
        assert (check.findings, [agrees for _, agrees in check.agreed]) == ([], [True])
        assert check.first is not None
        assert check.first.number == begin + 1
        told = " ".join(check.not_excluded())
        assert ("are not there" in told) == bool(begin)
        assert "neither a witness nor a checkpoint vouches" in told


@pytest.mark.parametrize("place", [0, 1, 7, 8, 9])
def test_an_altered_record_is_named(place: int) -> None:
    values = chain(10)
    known = Anchor("the changelog", head(values))
    values[place] = altered(values[place])
    check = checked(values, known)
    assert first(check) == (place, "altered" if place < 9 else "rewritten")


@pytest.mark.parametrize("place", [1, 5, 8])
def test_a_removed_record_is_named_by_the_one_after_it(place: int) -> None:
    values = chain(10)
    del values[place]
    assert first(checked(values)) == (place, "removed")


@pytest.mark.parametrize("place", [1, 5, 9])
@pytest.mark.parametrize("linked", [False, True])
def test_a_record_that_was_put_in_is_named(place: int, linked: bool) -> None:  # noqa: FBT001
    values = chain(10)
    added = b'{"kind":"decision","x":1}'
    if linked:
        added, _ = link_audit(added, head(values, place))
    values.insert(place, added)
    assert first(checked(values)) == (place, "put in")


def test_a_repeated_record_is_named() -> None:
    values = chain(10)
    values.insert(5, values[2])
    assert first(checked(values)) == (5, "put in")


def test_records_that_changed_places_are_named() -> None:
    values = chain(10)
    values[4], values[5] = values[5], values[4]
    check = checked(values)
    assert first(check)[0] == 4
    assert {finding.what for finding in check.findings} == {"put in", "removed"}


@pytest.mark.parametrize("left", [1, 5, 9])
def test_an_end_that_was_cut_is_named(left: int) -> None:
    values = chain(10)
    check = checked(values[:left], Anchor("the changelog", head(values)))
    assert first(check) == (left - 1, "cut")
    assert "number 10" in check.findings[0].detail


def test_20002_rewritten_records_are_noticed_also_if_the_chain_was_made_anew() -> None:
    values = chain(20_005)
    known = Anchor("the changelog", head(values))
    only = [altered(value) if 2 <= at < 20_004 else value for at, value in enumerate(values)]
    check = checked(only, known)
    assert first(check) == (2, "altered")
    assert check.more > 19_000
    rewritten, after = list(values[:2]), head(values, 2)
    for value in values[2:]:
        body = orjson.loads(value)
        del body["previous"], body["number"]
        linked, after = link_audit(orjson.dumps({**body, "kind": "mine"}), after)
        rewritten.append(linked)
    check = checked(rewritten, Anchor("a checkpoint", head(values, 2)), known)
    assert first(check) == (20_004, "rewritten")
    assert check.findings[0].since == 1


def test_records_of_a_version_without_chain_are_counted_and_nothing_more() -> None:
    check = checked([b"{}", b'{"kind":"decision"}', *chain(3)])
    assert (check.unlinked, check.findings) == (2, [])
    assert any("2 records stand before the chain" in told for told in check.not_excluded())


def test_no_beginning_can_be_passed_off_as_one_of_a_version_without_chain() -> None:
    values = chain(9)
    check = checked([b"{}", b"{}", *values[2:]], Anchor("the changelog", head(values)))
    assert first(check) == (2, "altered")


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"[]",
        b"{",
        b'{"number":"4","previous":null}',
        b'{"number":4,"previous":5}',
        b'{"number":4,"previous":"00"}',
        b'{"number":-4,"previous":null}',
        b'{"number":1e999,"previous":null}',
        b'{"number":true,"previous":null}',
    ],
)
def test_whatever_stands_in_a_records_place_is_a_finding(value: bytes) -> None:
    values = chain(6)
    values[3] = value
    assert first(checked(values)) == (3, "altered")


@given(data=st.data(), count=st.integers(2, 12))
def test_no_change_of_a_trail_goes_unseen(data: st.DataObject, count: int) -> None:
    values = chain(count)
    known = Anchor("the changelog", head(values))
    changed = list(values)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, max(0, len(changed) - 1)))
        match data.draw(st.sampled_from(["alter", "remove", "insert", "move"])):
            case "alter":
                at = data.draw(st.integers(0, len(changed[place]) - 1))
                octet = data.draw(st.integers(0, 255))
                value = changed[place]
                changed[place] = value[:at] + bytes([octet]) + value[at + 1 :]
            case "remove" if len(changed) > 1:
                del changed[place]
            case "insert":
                changed.insert(place, data.draw(st.sampled_from([b"{}", *values])))
            case "move":
                changed.insert(data.draw(st.integers(0, len(changed) - 1)), changed.pop(place))
    check = checked(changed, known)
    beginning_is_gone = changed == values[count - len(changed) :]
    put_before = changed[check.unlinked :] == values
    assert beginning_is_gone or check.findings or put_before


@pytest.mark.parametrize("incarnation", ["this", "one that ended"])
def test_a_witness_of_this_incarnation_contradicts_what_was_made_anew(incarnation: str) -> None:
    values = chain(5)
    mine = [link_audit(b'{"mine":1}', None)[0]]
    for value in values[1:]:
        mine.append(link_audit(value[: value.index(b',"previous')] + b"}", head(mine))[0])
    check = TrailCheck(None)
    check.witnessed({0: Sighting(incarnation, 7, audit=head(values))})
    positions = Positions(sequence=1, partitions=1, incarnation="this", inputs={}, audit=head(mine))
    check.positions(0, positions.encode())
    check.take(0, enumerate(mine))
    (told,) = check.told()
    found = [(finding["offset"], finding["what"]) for finding in told["findings"]]
    assert found == ([(4, "rewritten")] if incarnation == "this" else [])


async def store(site: Site, values: Sequence[bytes], audit: AuditHead) -> Path:
    """Make a store whose partition 0 has this trail, and whose changelog names this head."""
    settings = Settings.load(site.config, environment={})
    async with open_streams(settings.streams) as streams, streams.own() as ownership:
        owned = await ownership.open(0)
        positions = Positions(
            sequence=1, partitions=4, incarnation=owned.incarnation, inputs={}, audit=audit
        )
        outputs: list[Output] = [(AUDIT_TRAIL, 0, None, value, []) for value in values]
        await owned.commit([*outputs, (CHANGELOG, 0, KEY, positions.encode(), [])], {})
    return site.config.parent / "streams.db"


def verified(cli: Cli, site: Site, *more: str | Path, expected: int = 0) -> dict[str, Any]:
    done = cli("audit", "verify", *more, "--config", site.config, "--json", expected=expected)
    told: dict[str, Any] = json.loads(done.stdout)["partitions"][0]
    if expected:
        assert f"offset {told['findings'][0]['offset']}" in done.stderr
    return told


async def test_a_store_is_verified_and_one_altered_row_is_found(cli: Cli, site: Site) -> None:
    values = chain(300)
    path = await store(site, values, head(values))
    told = verified(cli, site)
    assert told["compared"] == [{"with": "the changelog", "number": 300, "agrees": True}]
    assert (told["records"], told["first"]["number"], told["findings"]) == (300, 1, [])
    with closing(sqlite3.connect(path)) as database, database:
        done = database.execute("UPDATE log SET value = ? WHERE value = ?", (b"{}", values[200]))
        assert done.rowcount == 1
    told = verified(cli, site, "--partition", "0", expected=1)
    finding = Finding(**told["findings"][0])
    assert (finding.offset, finding.what) == (200, "altered")


async def test_an_export_is_verified_like_its_store(cli: Cli, site: Site, tmp_path: Path) -> None:
    values = chain(300)
    await store(site, values[:-1], head(values))
    trail, changelog = tmp_path / "trail.jsonl", tmp_path / "changelog.jsonl"
    for stream, file in ((AUDIT_TRAIL, trail), (CHANGELOG, changelog)):
        read = cli("read", stream, "--from-start", "--config", site.config)
        file.write_text(read.stdout)
    assert verified(cli, site, trail)["findings"] == []
    told = verified(cli, site, trail, "--changelog", changelog, expected=1)
    assert told["findings"][0]["what"] == "cut"
    trail.write_text(trail.read_text().replace('"at":77', '"at":78'))
    assert verified(cli, site, trail, expected=1)["findings"][0]["offset"] == 77
    trail.write_text("no line\n")
    done = cli("audit", "verify", trail, "--config", site.config, expected=1)
    assert "line 1 is none that `slotkeeper read` has written" in done.stderr


def test_the_worker_signs_by_the_configured_key(cli: Cli, site: Site) -> None:
    folder = site.config.parent
    for arguments in (
        ("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", folder / "evidence.key"),
        ("ec", "-in", folder / "evidence.key", "-pubout", "-out", folder / "evidence.pub"),
    ):
        subprocess.run(["openssl", *arguments], check=True, capture_output=True)
    text = site.config.read_text()
    site.config.write_text(f'{text}\n[audit]\nkey = "evidence.key"\n')
    cli("check-config", "--config", site.config)
    streams = ("srv-6.15.1-responses", "--config", site.config)
    cli("publish", *streams, given=site.lines(site.fleet.hand_backs()))
    cli("run", "--until-idle", "--config", site.config)
    told = json.loads(
        cli(
            *("audit", "verify", "--json", "--certificate", folder / "evidence.pub"),
            *("--config", site.config),
        ).stdout
    )
    signed = [each for each in told["partitions"] if each["records"]]
    assert signed
    for each in signed:
        assert each["signed_up_to"] == each["last"]["number"] == each["records"]
        assert each["not_excluded"] == []
    site.config.write_text(f'{text}\n[audit]\nkey = "acb-ds-0.key"\n')
    refused = cli("run", "--until-idle", "--config", site.config, expected=2)
    assert "is a key of the ACB" in refused.stderr
