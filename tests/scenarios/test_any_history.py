"""R5, R7 and R10 for histories that nobody thought of: what the engine issues, the device accepts.

Operators hand slots back with any numbers and floors, cells fail, Responses get lost, the engine
restarts. Whenever the ACB occupies the authorising cell, the command that is issued next is
accepted, whatever a floor does to the device's number.
"""

import base64
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.contract.judge import judge_command
from tests.scenarios.story import (
    ACB,
    LEAVER,
    PKI,
    SUCCESSOR,
    SUPPLIER,
    DeviceClock,
    request,
    told,
    update,
)

from slotkeeper import Change
from slotkeeper._core import Authority, CoreEngine
from slotkeeper.lab import anchors, events, keystore, messages
from slotkeeper.lab.events import Event
from slotkeeper.lab.gpf import FloorPolicy, Gpf, Policy
from slotkeeper.lab.pki import Organisation
from slotkeeper.lab.terms import Eui64, KeyUsage, Role, Status
from slotkeeper.settings import Settings

NOW_MS = int(datetime(2026, 11, 1, tzinfo=UTC).timestamp() * 1000)
DS = anchors.operator_cell(KeyUsage.DIGITAL_SIGNATURE)
KA = anchors.operator_cell(KeyUsage.KEY_AGREEMENT)
OPERATORS = {organisation.eui: organisation for organisation in (LEAVER, SUCCESSOR, ACB)}

steps = st.one_of(
    st.just(1), st.integers(min_value=1, max_value=10**6), st.integers(min_value=1, max_value=2**55)
)
floors = st.none() | st.integers(min_value=0, max_value=10**6) | st.integers(0, 2**60)
faults = st.sampled_from(({}, {}, {DS: Status.RESOURCES_BUSY}, {KA: Status.RESOURCES_BUSY}))
hints = st.none() | st.integers(min_value=0, max_value=2**64 - 1) | st.integers(0, 10**6)


class AnyHistory(RuleBasedStateMachine):
    folder: Path

    @initialize(policy=st.sampled_from(FloorPolicy))
    def begin(self, policy: FloorPolicy) -> None:
        cells = anchors.factory_anchors(PKI, operator=LEAVER, supplier=SUPPLIER, acb=ACB)
        self.gpf = Gpf(PKI.device(9), cells, policy=Policy(floor=policy), clock=DeviceClock())
        file = keystore.write_settings(self.folder, [ACB])
        loaded = Settings.load(file, environment={})
        self.authority: Authority = loaded.authority()
        self.settings = loaded.engine_json()
        self.changelog: dict[bytes, bytes | None] = {}
        self.offset = 0
        self.asked = 0
        self.used: dict[Eui64, int] = {}
        self.issued: list[int] = []
        self.restart()

    @rule()
    def restart(self) -> None:
        """Begin with a new engine from what was committed."""
        self.engine = CoreEngine(self.authority, settings=self.settings)
        self.engine.restore([Change(*kept) for kept in self.changelog.items()])
        known = events.inventory(self.gpf.device)
        self.engine.load_inventory([Change(str(known.key).encode(), known.octets)])
        self.engine.open()

    @precondition(lambda self: self.occupant() is not ACB and self.number() < 2**61)
    @rule(step=steps, floor=floors, fails=faults, lost=st.booleans(), back=st.booleans())
    def operator_acts(
        self, *, step: int, floor: int | None, fails: dict[Any, Status], lost: bool, back: bool
    ) -> None:
        """Let the occupant hand its slot back, or sell it; the pre-command is seen on its way."""
        operator = self.occupant()
        holder = ACB if back else next(o for o in (LEAVER, SUCCESSOR) if o is not operator)
        # An operator never uses a number twice: its floor lowers the device's, not its own.
        counter = max(self.number(), self.used.get(operator.eui, 0)) + step
        self.used[operator.eui] = counter
        payload = messages.slot_payload(holder, counter=counter, floor=floor)
        on_its_way = messages.pre_command(payload, operator, self.gpf.device.eui, signed=True)
        self.decide(told(self.gpf, on_its_way, operator=operator, stream=events.PRE_COMMANDS))
        self.gpf.faults.cells = fails
        response = update(self.gpf, counter, operator=operator, holder=holder, floor=floor)
        self.gpf.faults.cells = {}
        if not lost:
            self.decide(response)

    @rule(hint=hints, floor=floors, fails=faults, lost=st.booleans(), to=st.booleans())
    def supplier_asks(
        self, *, hint: int | None, floor: int | None, fails: dict[Any, Status], lost: bool, to: bool
    ) -> None:
        self.asked += 1
        holder = SUCCESSOR if to else LEAVER
        # A lost answer that set a floor while its cell failed is a documented limit.
        lost = lost and not floor
        asked = request(self.gpf, number=self.asked, hint=hint, floor=floor, holder=holder)
        written = self.decide(asked)
        commands = [value for stream, value in written if stream == "cs02b-commands"]
        by_acb = self.occupant() is ACB
        if not commands:
            (refusal,) = [value for stream, value in written if stream == "handover-refusals"]
            assert not by_acb or refusal["reason"] == "COUNTER_EXHAUSTED", refusal
            return
        (command,) = commands
        payload = judge_command(command, [ACB], self.gpf.device)
        assert not self.issued or payload.seq_number > self.issued[-1]
        self.issued.append(payload.seq_number)
        self.gpf.faults.cells = fails
        reply = self.gpf.receive(base64.b64decode(command["gbcs_payload"]))
        self.gpf.faults.cells = {}
        assert (reply.refusal is None) is by_acb, reply.refusal
        if reply.response is not None and not lost:
            self.decide(
                told(self.gpf, reply.response, operator=ACB, stream=events.HANDOVER_RESPONSES)
            )

    @invariant()
    def nothing_is_lowered(self) -> None:
        if self.issued:
            assert self.issued == sorted(set(self.issued))

    def decide(self, event: Event) -> list[tuple[str, Any]]:
        self.offset += 1
        staged = self.engine.stage(
            [(event.stream, self.offset, str(event.key).encode(), event.octets)],
            now_ms=NOW_MS,
            decided_after={},
        )
        written = []
        for stream, _partition, key, value, _headers in staged.seal().outputs.records():
            if stream == "originator-counters":
                self.changelog[key or b""] = value
            else:
                written.append((stream, orjson.loads(value or b"null")))
        staged.fold()
        return written

    def occupant(self) -> Organisation:
        return OPERATORS[anchors.occupant(self.gpf.cells[DS]).eui]

    def number(self) -> int:
        return self.gpf.numbers.get(Role.NETWORK_OPERATOR, 0)


@pytest.mark.timeout(1_800)
def test_r5_r7_r10_whatever_is_issued_the_device_accepts(tmp_path: Path) -> None:
    AnyHistory.folder = tmp_path
    machine = AnyHistory.TestCase
    machine.settings = settings(max_examples=40, stateful_step_count=25)
    machine("runTest").runTest()
