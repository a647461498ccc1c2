"""A dead letter is replayed by an act that a person signed on the command line."""

import asyncio
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from slotkeeper.acts import DEAD_LETTER_REPLAY, PersonKey
from slotkeeper.cli.demo.site import Site
from slotkeeper.pages import replay
from slotkeeper.settings import Settings
from slotkeeper.streams import Message, Record, open_streams

from .conftest import Console, Start, cli
from .waiting import until


@pytest.fixture(scope="module")
def console(start: Start) -> Console:
    return start("--person", "ann")


NEEDED = 3
"""Of the site's dead letters, by the tests below."""


@pytest.fixture(scope="module")
def letters(console: Console) -> list[str]:
    def told() -> list[str] | None:
        rows: list[dict[str, str]] = console.json("/dead-letters.json")["table"]["rows"]
        return sorted(row["letter"] for row in rows) if len(rows) >= NEEDED else None

    # The console follows the streams by itself, as fast as the machine lets it.
    return until(told)


def signed(site: Site, tmp_path: Path, prepared: bytes, *more: str, key: str = "ann.key") -> bytes:
    (tmp_path / "replay.json").write_bytes(prepared)
    out = tmp_path / "signed.json"
    out.unlink(missing_ok=True)
    signing = ("counters", "sign", tmp_path / "replay.json", "--key", site.folder / key)
    cli(*signing, "--out", out, "--config", site.config, *more)
    return out.read_bytes()


def hand_in(console: Console, letter: str, act: bytes, *, status: int = 200) -> str:
    answer = console.post(
        f"/dead-letters/{letter}.json", data={"do": "replay"}, files={"act": ("act.json", act)}
    )
    told: dict[str, Any] = answer.json()
    assert answer.status_code == status, told["error"]
    return str(told["done"] or told["error"])


def replayed(site: Site) -> list[Record]:
    """Give the records of the input that were replayed into it."""

    async def read() -> list[Record]:
        settings = Settings.load(site.config, environment={})
        async with open_streams(settings.streams, settings.streams_settings()) as streams:
            return [
                record
                async for records in streams.read("srv-6.15.1-responses")
                for record in records
                if record.headers
            ]

    return asyncio.run(read())


def test_a_signed_replay_writes_the_same_octets_into_the_same_input(
    console: Console, site: Site, letters: list[str], tmp_path: Path
) -> None:
    letter = letters[0]
    page = console.get(f"/dead-letters/{letter}").text
    assert "One record is written; it cannot be taken back" in page
    prepared = console.get(f"/dead-letters/{letter}/replay")
    assert prepared.status_code == 200
    payload = orjson.loads(prepared.content)["payload"]
    assert payload["stream"] == "srv-6.15.1-responses"
    act = signed(site, tmp_path, prepared.content, "--reason", "the limit was raised")
    before = len(replayed(site))
    told = hand_in(console, letter, act)
    assert told.startswith("Replayed into srv-6.15.1-responses, signed by Ann Archer.")
    written = replayed(site)
    assert len(written) == before + 1
    [record] = [
        one
        for one in written
        if ("replayed-from", letter.encode()) in [tuple(h) for h in one.headers]
    ]
    assert record.key == payload["device_id"].encode()
    assert record.value == console.get(f"/dead-letters/{letter}/octets").content
    [kept] = (console.data / "acts").glob("*.json")
    told_of = orjson.loads(kept.read_bytes())
    assert told_of["by"] == ["Ann Archer"]
    assert told_of["handed_in_by"] == "ann"
    assert told_of["reason"] == "the limit was raised"
    assert hand_in(console, letter, act, status=409) == "this very act was done before"
    assert len(replayed(site)) == before + 1


def test_an_act_that_is_not_good_enough_changes_nothing(
    console: Console, site: Site, letters: list[str], tmp_path: Path
) -> None:
    letter, other = letters[1], letters[2]
    prepared = orjson.loads(console.get(f"/dead-letters/{letter}/replay").content)
    payload = {**prepared["payload"], "reason": "why"}
    incarnation = prepared["incarnation"]
    ann = PersonKey(site.folder / "ann.key")

    def act(typ: str = DEAD_LETTER_REPLAY, at: str = incarnation, **changed: object) -> bytes:
        return ann.sign(typ, at, orjson.dumps({**payload, **changed}))

    stranger = tmp_path / "eve.key"
    subprocess.run(
        ["openssl", "genpkey", "-algorithm", "ed25519", "-out", stranger],
        check=True,
        capture_output=True,
    )
    stranger.chmod(0o600)
    eve = PersonKey(stranger).sign(DEAD_LETTER_REPLAY, incarnation, orjson.dumps(payload))
    before = len(replayed(site))
    for wrong, why in (
        (b"", "choose the signed file"),
        (b"{}", "no signed act"),
        (orjson.dumps(prepared), "no signed act"),
        (b"a" * 70_000, "longer than"),
        (eve, "no signature holds"),
        (act()[:-20] + b"AAAA" + act()[-16:], ""),
        (act(typ="slotkeeper-counter-adjustment"), "no signature holds"),
        (act(at="another store"), "no signature holds"),
        (act(sha256="0" * 64), "about another dead letter"),
        (act(offset="77"), "about another dead letter"),
        (act(stream="srv-6.21-requests"), "about another dead letter"),
        (act(device_id="00-00-00-00-00-00-00-01"), "about another dead letter"),
        (act(reason=" "), "has no reason"),
    ):
        told = hand_in(console, letter, wrong, status=409 if "about another" in why else 422)
        assert why in told
        assert not told.startswith("Replayed")
    # Letters of another partition have a store of another name.
    status = 409 if other.partition("/")[0] == letter.partition("/")[0] else 422
    assert not hand_in(console, other, act(), status=status).startswith("Replayed")
    assert len(replayed(site)) == before


@pytest.mark.parametrize("value", [None, b"", b"{}"])
def test_what_had_no_value_is_replayed_without_one(
    value: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the inventory that is a tombstone, and no octets are a record that cannot be read."""
    monkeypatch.setattr(replay, "can_be_replayed", lambda *_: None)
    monkeypatch.setattr(replay, "_proven", lambda *_: (["Ann Archer"], "it was misplaced"))
    monkeypatch.setattr(replay, "keep", lambda *_, **__: None)
    letter = {
        "source_stream": "smart-metering-inventory",
        "device": "00-DB-12-34-56-78-90-A3",
        "partition": 0,
        "offset": 7,
        "value": value,
    }
    written: list[Message] = []
    desk: Any = SimpleNamespace(publish=written.append)
    replay.replay(desk, None, letter, b"act")  # type: ignore[arg-type]
    assert [message.value for message in written] == [value]


def test_the_command_line_signs_no_replay_without_a_reason(
    console: Console, site: Site, letters: list[str], tmp_path: Path
) -> None:
    (tmp_path / "replay.json").write_bytes(
        console.get(f"/dead-letters/{letters[1]}/replay").content
    )
    signing = ("counters", "sign", tmp_path / "replay.json", "--key", site.folder / "ann.key")
    done = cli(*signing, "--out", tmp_path / "o", "--config", site.config, expected=2)
    assert b"--reason" in done.stderr
    assert not (tmp_path / "o").exists()


def test_an_error_is_shown_where_the_reader_looks(console: Console, letters: list[str]) -> None:
    answer = console.post(
        f"/dead-letters/{letters[1]}", data={"do": "replay"}, files={"act": ("a.json", b"{}")}
    )
    assert 'role="alert"' in answer.text
    assert 'href="#act"' in answer.text
    assert 'aria-describedby="act-error"' in answer.text
