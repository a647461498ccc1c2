"""The program of docs/integrating.md, taken from the page, run on a host of the tests."""

import ast
import inspect
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from slotkeeper import Change, Command, Engine, Event, StoreNotReadyError

from .host import Host

PAGE = Path(__file__).parents[2] / "docs" / "integrating.md"


class AbortedForCertainError(Exception):
    """What the host's store says of a transaction that has left nothing."""


class Store:
    """The host's: keeps what it is given, or fails as it is told to."""

    def __init__(self, host: Host) -> None:
        self.inventory = host.inventory
        self.changes: dict[bytes, Change] = {}
        self.commands: list[Command] = []
        self.kept: tuple[object, Any, Any] = (None, None, None)
        self.fails: Exception | None = None

    async def commit(
        self,
        changes: Sequence[Change],
        commands: Sequence[Command],
        records: Sequence[object],
        kept: tuple[object, Any, Any],
    ) -> None:
        if self.fails is not None:
            raise self.fails
        assert records
        self.changes |= {change.key: change for change in changes}
        self.commands += commands
        self.kept = kept


async def follow_the_page(store: Store, events: Sequence[Event]) -> Engine:
    """Run the program, from a new engine to the end of one batch."""
    (program,) = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    position, stored, audit_head = store.kept
    names: dict[str, Any] = {
        "AbortedForCertain": AbortedForCertainError,
        "audit_head": audit_head,
        "changes": list(store.changes.values()),
        "events": events,
        "host": store,
        "inventory": store.inventory,
        "position": position,
        "stored": stored,
    }
    code = compile(program, PAGE, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    ran = eval(code, names)  # noqa: S307  # the page is ours
    if inspect.isawaitable(ran):
        try:
            await ran
        except ConnectionError:
            assert store.fails is not None
    engine = names["engine"]
    assert isinstance(engine, Engine)
    return engine


@pytest.fixture(name="host")
def fixture_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    monkeypatch.chdir(tmp_path)
    return Host(tmp_path)


async def test_the_program_of_the_page_exceeds_what_it_recorded(host: Host) -> None:
    store = Store(host)
    await follow_the_page(store, host.hand_backs)
    assert store.commands == []
    await follow_the_page(store, host.requests)
    assert len(store.commands) == len(host.requests)
    for command in store.commands:
        assert host.fleet.deliver(command.message).outcome is not None


async def test_an_aborted_batch_is_dropped_and_the_next_one_staged(host: Host) -> None:
    store = Store(host)
    store.fails = AbortedForCertainError()
    engine = await follow_the_page(store, host.hand_backs)
    assert store.changes == {}
    again = engine.stage(host.hand_backs)
    assert again.summary() == {"RECORDED ACB_IN_SLOT": len(host.hand_backs)}


async def test_a_batch_in_doubt_closes_the_engine(host: Host) -> None:
    store = Store(host)
    store.fails = ConnectionError()
    engine = await follow_the_page(store, host.hand_backs)
    with pytest.raises(StoreNotReadyError):
        engine.stage(host.hand_backs)
