"""What the calls of engines tell the metrics."""

import logging
import time
from collections.abc import Mapping
from typing import cast

from slotkeeper.engine.port import Call, Sealed, Step

from .metrics import Metrics

_log = logging.getLogger(__name__)


class EngineMetrics:
    """The hook of a worker's engines. Each partition has a thread of its own, and calls in turn."""

    def __init__(self, metrics: Metrics) -> None:
        """Begin with no call."""
        self._metrics = metrics
        self._begun_at: dict[int, float] = {}
        self._closed_at: dict[int, float] = {}
        self._sealed: dict[int, tuple[Sealed, float]] = {}

    def begin(self, call: Call) -> None:
        """Note when it begins; a fold begins when its transaction has ended."""
        now = self._begun_at[call.partition] = time.perf_counter()
        if call.step == Step.CLOSE:
            self._closed_at[call.partition] = now
        elif call.step == Step.FOLD and call.records:
            # A batch without records, the judging of what is parked, is mostly not even committed.
            _, sealed_at = self._sealed[call.partition]
            self._metrics.transaction_duration.observe(now - sealed_at)
            self._metrics.batch_size.observe(call.records)

    def end(self, call: Call) -> None:
        """Observe what was done."""
        now, metrics = time.perf_counter(), self._metrics
        took = now - self._begun_at[call.partition]
        match call.step:
            case Step.RESTORE:
                others = cast("list[object]", call.result)
                metrics.restored.inc(call.records - len(others))
            case Step.OPEN:
                self._opened(call.partition, self._hold(call))
            case Step.STAGE:
                metrics.stage_duration.observe(took)
            case Step.SEAL:
                sealed = cast("Sealed", call.result)
                self._sealed[call.partition] = sealed, now
                # One without commands is sealed in no time, and would hide how long others take.
                if any(name.startswith("ISSUED ") for name in sealed.reasons):
                    metrics.sign_duration.observe(took)
            case Step.FOLD:
                self._hold(call)
                sealed, _ = self._sealed.pop(call.partition)
                for stream, written in sealed.written.items():
                    metrics.produced.labels(stream).inc(written)
                for fault, letters in sealed.faults.items():
                    metrics.dead_letters.labels(fault).inc(letters)
            case Step.DISCARD:
                self._hold(call)

    def _hold(self, call: Call) -> Mapping[str, int]:
        """Keep what the engine holds now for the next look at the metrics."""
        held = self._metrics.held[call.partition] = cast("Mapping[str, int]", call.result)
        return held

    def _opened(self, partition: int, held: Mapping[str, int]) -> None:
        took = time.perf_counter() - self._closed_at[partition]
        self._metrics.restore_duration.observe(took)
        if damaged := held["damaged"]:
            self._metrics.damaged.inc(damaged)
            about = {"partition": partition, "devices": damaged}
            _log.error("changelog records are damaged", extra=about)
