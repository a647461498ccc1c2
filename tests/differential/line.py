"""Plays a history to the engine and to the model, and compares them after each batch.

The emulated devices stand at the end of the line: commands that the engine makes go to them, and
what they answer is told like any other message.
"""

import base64
from typing import Any

import orjson
from tests.contract.judge import judge_command

from slotkeeper._core import CoreEngine, RestoreError
from slotkeeper.lab import events
from slotkeeper.lab.anchors import operator_cell
from slotkeeper.lab.events import Event
from slotkeeper.lab.gpf import Refusal
from slotkeeper.lab.terms import Cell, KeyUsage, Role

from . import arrangement, cast, persons
from .cast import DEVICES, ORGANISATIONS
from .compare import DisagreementError, compare_batch, compare_rows
from .model.decisions import Model
from .model.reading import NETWORK_OPERATOR, device_of
from .steps import NOW_MS, Steps
from .store import Store

Json = dict[str, Any]


REGISTER = "smki-organisation-certificates"
PARTIES = "gas-network-parties"


class Line(Steps):
    """One history on its way."""

    def __init__(self, drawn: Json) -> None:
        super().__init__(drawn)
        self.drawn = dict(drawn)
        self.model = Model(arrangement.model_settings(self.drawn))
        self.store = Store()
        self.saved: tuple[Store, Json] | None = None
        self.registered: list[tuple[str, str]] = []
        self.parties: Json = {}
        self.engine = self._new_engine()
        self.engine.open(incarnations=self.stores)

    def play(self, steps: list[Json]) -> None:
        """Play all steps.

        Raises:
            DisagreementError: The engine and the model, or a device, do not agree.
        """
        for place, step in enumerate(steps):
            try:
                getattr(self, "_" + step["do"])(step)
                if step.get("ends", "fold") is not None or len(self.batch) > 4:
                    self._end(step.get("ends") or "fold")
            except RestoreError as refused:
                found = DisagreementError(f"restoring: {refused}")
                found.step = place
                raise found from None
            except DisagreementError as found:
                found.step = place
                raise
        try:
            self._end("fold")
        except DisagreementError as found:
            found.step = len(steps)
            raise

    def _new_engine(self) -> CoreEngine:
        return CoreEngine(
            arrangement.authority(knows_retired=self.drawn["knows_retired"]),
            partition=0,
            partitions=cast.PARTITIONS,
            settings=arrangement.engine_settings(self.drawn),
            threads=1,
            seed=1,
        )

    # Batches

    def _end(self, how: str) -> None:
        if not self.batch:
            return
        batch, self.batch = self.batch, []
        expected = self.model.stage([record for record, _, _ in batch], NOW_MS)
        staged = self.engine.stage(
            [(stream, at, key, value, form) for (stream, at, key, value, _), form, _ in batch],
            now_ms=NOW_MS,
            decided_after={},
        )
        sealed = staged.seal()
        written = sealed.outputs.records()
        compare_batch(expected, written)
        if how in ("fold", "doubt-kept"):
            void = set(sealed.void)
            self.store.inventory += [
                (key, value, facts)
                for (stream, at, key, value, facts), _, _ in batch
                if stream == events.INVENTORY and at not in void
            ]
            self.store.stored = sealed.stored
            self.model.fold(in_doubt=how != "fold")
            self.store.log += [
                (key or b"", value, self.model.kept(key or b""))
                for stream, _, key, value, _ in written
                if stream == "originator-counters"
            ]
        else:
            self.model.discard()
        if how == "fold":
            staged.fold()
        elif how == "discard":
            staged.discard()
        else:
            staged.in_doubt()
            step = {"order": self.offset, "inventory": "loaded", "snapshot": False}
            self._come_back(step, fresh=False)
        compare_rows(self.model, self.engine)
        if how in ("fold", "doubt-kept"):
            self._deliver(written, batch, {one["offset"]: one for one in expected})
        else:
            self._tell_inventory_again(batch)

    def _tell_inventory_again(self, batch: list[Any]) -> None:
        """Stage the inventory records of a batch that was lost: their log still has them."""
        self.batch = [one for one in batch if one[0][0] == events.INVENTORY]
        self._end("fold")

    def _deliver(self, written: list[Any], batch: list[Any], expected: dict[int, Json]) -> None:
        asked = {record[1]: step for record, _, step in batch}
        for stream, _partition, _key, value, _headers in written:
            if stream != "cs02b-commands":
                continue
            command = orjson.loads(value)
            place = next(n for n, one in enumerate(DEVICES) if str(one.eui) == command["device_id"])
            payload = judge_command(command, [cast.ACB], self._device_of(command["device_id"]))
            said = expected[command["source"]["offset"]]
            if payload.floor != said["floor"]:
                raise DisagreementError(f"a command has the floor {payload.floor}, not {said}")
            number = (command["device_id"], int(command["originator_counter"]))
            message = base64.b64decode(command["gbcs_payload"])
            if self.given.setdefault(number, message) != message:
                raise DisagreementError(f"a second message with {number}")
            step, gpf = asked[command["source"]["offset"]], self.gpfs[place]
            if not step["arrives"]:
                continue
            numbers, cells = dict(gpf.numbers), dict(gpf.cells)
            gpf.faults.cells = self._faults(step["fails"], Role.NETWORK_OPERATOR)
            reply = gpf.receive(message)
            gpf.faults.cells = {}
            if reply.response is not None and not step["lost"]:
                self.mail[place].append(reply.response)
            if reply.refusal is not None and command["remote_party_role"] == NETWORK_OPERATOR:
                self._judge_refusal(said, reply.refusal, numbers, cells)

    @staticmethod
    def _judge_refusal(
        said: Json, refusal: Refusal, numbers: dict[Role, int], cells: dict[Cell, bytes]
    ) -> None:
        """Tell whether a device had a reason to refuse that nobody could know.

        Raises:
            DisagreementError: The slot was the ACB's, and the number of the device was told.
        """
        standing = cells[operator_cell(KeyUsage.DIGITAL_SIGNATURE)]
        if standing != cast.ACB.digital_signature.certificate:
            return
        number = numbers.get(Role.NETWORK_OPERATOR, 0)
        if refusal is Refusal.REPLAY and (said["seen"] or 0) < number:
            return
        raise DisagreementError(f"the device has {number} and refused {said}\n  {refusal}")

    def _device_of(self, device: str) -> Any:  # noqa: ANN401 - a Device of the lab
        known = self.model.table["inventory"][device]
        return arrangement.identity(known["agreement"], device)

    def _register(self, step: Json) -> None:
        """Let certificates come into the register, beside the records of any batch."""
        self._end("fold")
        fresh = [tuple(one) for one in step["certificates"] if tuple(one) not in self.registered]
        self.registered += fresh
        self.model.register({cast.sha1(*one): arrangement.party(*one) for one in fresh})
        self._follow(fresh)

    def _follow(self, certificates: list[tuple[str, str]]) -> None:
        records = [
            (REGISTER, offset, *cast.register_record(*one), "record")
            for offset, one in enumerate(certificates)
        ]
        if records:
            self.engine.follow_registers(records)

    def _parties(self, step: Json) -> None:
        """Let the register of parties change, beside the records of any batch."""
        self._end("fold")
        self.parties |= step["parties"]
        self.model.parties({key: self._party(one) for key, one in self.parties.items() if one})
        self._follow_parties(step["parties"])

    @staticmethod
    def _party(told: Json) -> Json:
        return {
            "identities": [str(ORGANISATIONS[name].eui) for name in told["holders"]],
            "user": cast.PERIODS[told["user"]],
            "exits": cast.PERIODS[told["exits"]],
        }

    def _follow_parties(self, parties: Json) -> None:
        self.engine.follow_registers(
            [
                (PARTIES, offset, *cast.party_record(key, told), "record")
                for offset, (key, told) in enumerate(parties.items())
            ]
        )

    def _compact(self, _step: Json) -> None:
        self._end("fold")
        self.store.compact()

    def _snapshot(self, _step: Json) -> None:
        self._end("fold")
        self.store.take_snapshot(self.engine)

    def _damage(self, step: Json) -> None:
        """Let a bit of a stored record rot, and start again."""
        self._end("fold")
        damaged = self.store.damage(step)
        if damaged is None:
            return
        device, _, digest = damaged[0].decode().partition("/parked/")
        self.model.damaged(device, digest or None, damaged[1])
        self.engine = self._new_engine()
        self._come_back({**step, "how": "crash", "inventory": "loaded"}, fresh=True)
        # The mark is written with the next batch, whatever it is about.
        self._add(Event(events.UPDATE_RESPONSES, "no device", None))
        self._end("fold")

    def _backup(self, _step: Json) -> None:
        self._end("fold")
        self.saved = (self.store.copy(), self.model.overlay())

    def _rollback(self, step: Json) -> None:
        """Go on from the copy, as an operator acknowledges it."""
        self._end("fold")
        rollbacks = self.model.table["rollbacks"] + 1
        if self.saved is None or rollbacks == len(persons.STORES):
            return
        (store, table), self.saved = self.saved, None
        table["rollbacks"] = rollbacks
        self.stores = [*self.stores, persons.STORES[rollbacks]]
        for register in ("register", "parties"):
            table[register] = self.model.table[register]
        self.store, self.model.table = store, table
        self.engine = self._new_engine()
        self._come_back({**step, "how": "crash", "inventory": "loaded"}, fresh=True)
        compare_rows(self.model, self.engine)

    def _restart(self, step: Json) -> None:
        self._end("fold")
        crash = step["how"] == "crash"
        if crash:
            self.drawn |= step["settings"]
            self.model.settings = arrangement.model_settings(self.drawn)
            self.engine = self._new_engine()
        else:
            self.engine.close()
        self._come_back(step, fresh=crash or step["how"] == "clear")
        compare_rows(self.model, self.engine)

    def _come_back(self, step: Json, *, fresh: bool) -> None:
        if fresh:
            self.engine.clear()
            self._follow(self.registered)
            self._follow_parties(self.parties)
        later = self.store.restore(
            self.engine,
            step,
            rollbacks=self.model.table["rollbacks"],
            stores=self.stores,
            fresh=fresh,
        )
        loaded = [(device_of(key) or "", facts) for key, _, facts in self.store.inventory]
        self.model.restored(
            burned_kept=step.get("how") != "crash", inventory=loaded if fresh else None
        )
        for key, value, facts in later:
            self._add(Event(events.INVENTORY, key, value), facts)
            self._end("fold")
