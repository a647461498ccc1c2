"""The figures of a worker, in Prometheus' text form.

Labels name streams, partitions, dispositions and reasons, never a device, a party or a request:
their number is bounded, and a dashboard learns nothing about a household. ``docs/operating.md``
lists the names and says what to alert on.
"""

import asyncio
from collections.abc import Iterator, Mapping

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

import slotkeeper
from slotkeeper._core import BUILD_PROFILE
from slotkeeper.explain.reasons import SENTENCES
from slotkeeper.streams import StreamsError
from slotkeeper.streams.layout import SLOTKEEPER
from slotkeeper.worker import Group, PartitionWorker

CONTENT_TYPE = prometheus_client.CONTENT_TYPE_PLAIN_0_0_4

LAG_S = 2.0
"""How long a scrape waits for the ends of the inputs: well below Prometheus' usual 10 s. What is
not known by then is left out, so that the other figures are seen when the store is slow."""

BATCH_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
RESTORE_BUCKETS_S = (0.01, 0.1, 1, 5, 10, 30, 60, 120, 300, 600, 1800)
LOOP_BUCKETS_S = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5)
"""0.05 is the most that anything may take on the event loop."""

SIZE_BUCKETS = (1, 10, 50, 100, 250, 500, 1000, 1500)
"""250 records of each stream are fetched at once, and there are six inputs."""

REASONS = tuple(SENTENCES)
"""Every disposition with every reason it can have. Their series stand at 0 from the start: an alert
on a series that begins with its first event has nothing to compare with, and misses that event."""

DEAD_LETTER = "DEAD_LETTER"

SNAPSHOTS_REFUSED = ("ahead", "damaged", "exposed", "foreign", "newer", "old", "unreadable")
"""Likewise, why a snapshot is not used."""

HELD = (
    ("devices", "slotkeeper_state_devices", "Devices with a record of their own."),
    (
        "strangers",
        "slotkeeper_state_strangers",
        "Of these, devices that the inventory does not name.",
    ),
    ("table_bytes", "slotkeeper_state_table_bytes", "Memory of the Originator Counter table."),
    ("directory_bytes", "slotkeeper_state_directory_bytes", "Memory of the inventory's keys."),
    ("parked", "slotkeeper_parked_records", "Records kept until more is known."),
    (
        "parked_unjudged",
        "slotkeeper_parked_unjudged_records",
        "Of these, at most so many that are still to be judged again.",
    ),
    ("parked_bytes", "slotkeeper_parked_bytes", "Octets of parked records."),
    (
        "parked_stranger_bytes",
        "slotkeeper_parked_stranger_bytes",
        "Those of devices that the inventory does not name.",
    ),
    ("burned", "slotkeeper_burned_numbers", "Devices and roles with numbers of aborted batches."),
)
"""A member of the engine's statistics, and the gauge that shows it for each partition."""

PARTITION = (
    ("requests_held", "Requests that wait until the other inputs are read."),
    ("requests_held_seconds", "How long the oldest of them waits; 0 if none does."),
    ("restore_remaining_records", "Records that a running restore has still to read at most."),
    ("snapshot_age_seconds", "Since the partition's last snapshot by this worker."),
    ("snapshot_bytes", "Size of that snapshot."),
)
"""Gauges of a partition that a worker serves."""


class Metrics:
    """All figures of one worker.

    Attributes:
        held: By partition, the engine's statistics after its last batch.
        group: The partitions that are looked at; None until the worker has begun.
    """

    def __init__(self) -> None:
        """Begin at zero."""
        self.held: dict[int, Mapping[str, int]] = {}
        self.group: Group | None = None
        # A second series for each counter, its time of birth, which nothing here reads.
        prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry()
        self.stage_duration = self._seconds(
            "stage", "Deciding one batch, signatures of its outcomes included."
        )
        self.sign_duration = self._seconds(
            "sign", "Sealing one batch: building, signing and MACing its commands."
        )
        self.transaction_duration = self._seconds(
            "transaction", "From a sealed batch to its commit."
        )
        self.restore_duration = self._seconds(
            "restore", "From taking a partition over to opening it.", RESTORE_BUCKETS_S
        )
        self.loop_lag = self._seconds(
            "event_loop_lag",
            "How late the event loop wakes a waiting task.",
            LOOP_BUCKETS_S,
            suffix="seconds",
        )
        self.batch_size = Histogram(
            "slotkeeper_batch_size_messages",
            "Input records decided together.",
            buckets=SIZE_BUCKETS,
            registry=self._registry,
        )
        self.restored = Counter(
            "slotkeeper_restore_records",
            "Changelog records replayed.",
            registry=self._registry,
        )
        self.damaged = Counter(
            "slotkeeper_damaged_records",
            "Devices whose changelog record could not be read; they are marked since.",
            registry=self._registry,
        )
        self.produced = Counter(
            "slotkeeper_messages_produced",
            "Records committed, changelog included.",
            ["stream"],
            registry=self._registry,
        )
        self.dead_letters = Counter(
            "slotkeeper_messages_dlq",
            "Dead letters committed.",
            ["reason"],
            registry=self._registry,
        )
        for stream in (*SLOTKEEPER.outputs, SLOTKEEPER.changelog):
            self.produced.labels(stream)
        for disposition, reason in REASONS:
            if disposition == DEAD_LETTER:
                self.dead_letters.labels(reason)
        Gauge(
            "slotkeeper_build_info",
            "Always 1; the labels say what runs.",
            ["version", "profile"],
            registry=self._registry,
        ).labels(slotkeeper.__version__, BUILD_PROFILE).set(1)
        prometheus_client.ProcessCollector(registry=self._registry)

    def watch(self, group: Group) -> None:
        """Look at the partitions of a worker from now on."""
        self.group = group

    async def text(self) -> bytes:
        """Give all figures as they are now."""
        if self.group is None:
            return generate_latest(self._registry)
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_View(self.group, self.held, await _lags(self.group)))
        return generate_latest(self._registry) + generate_latest(registry)

    def _seconds(
        self,
        what: str,
        help_text: str,
        buckets: tuple[float, ...] = BATCH_BUCKETS_S,
        *,
        suffix: str = "duration_seconds",
    ) -> Histogram:
        return Histogram(
            f"slotkeeper_{what}_{suffix}", help_text, buckets=buckets, registry=self._registry
        )


class _View(Collector):
    """What is read off a group at the moment of a scrape."""

    def __init__(
        self,
        group: Group,
        held: Mapping[int, Mapping[str, int]],
        lags: Mapping[int, Mapping[str, int]],
    ) -> None:
        self._group = group
        self._held = held
        self._lags = lags

    def collect(self) -> Iterator[Metric]:
        yield from self._counts()
        yield from self._partitions()
        lag = GaugeMetricFamily(
            "slotkeeper_consumer_lag_messages",
            "Offsets of an input that are not decided yet.",
            labels=["stream", "partition"],
        )
        for number, streams in self._lags.items():
            for stream, behind in streams.items():
                lag.add_metric([stream, str(number)], behind)
        yield lag
        for member, name, help_text in HELD:
            gauge = GaugeMetricFamily(name, help_text, labels=["partition"])
            for number in self._group.partitions:
                if number in self._held:
                    gauge.add_metric([str(number)], self._held[number][member])
            yield gauge

    def _counts(self) -> Iterator[Metric]:
        summary = self._group.summary
        decisions = CounterMetricFamily(
            "slotkeeper_decisions", "Committed decisions.", labels=["disposition", "reason"]
        )
        counts = {" ".join(pair): 0 for pair in REASONS} | summary.reasons
        for name, count in counts.items():
            disposition, _, reason = name.partition(" ")
            decisions.add_metric([disposition, reason], count)
        yield decisions
        transactions = CounterMetricFamily(
            "slotkeeper_transactions", "Batches by how they ended.", labels=["result"]
        )
        for result, count in (
            ("committed", summary.batches),
            ("aborted", summary.aborted),
            ("in_doubt", summary.in_doubt),
        ):
            transactions.add_metric([result], count)
        yield transactions
        for name, help_text, count in (
            ("messages_consumed", "Input records decided.", summary.records),
            ("messages_quarantined", "Records over which the engine failed.", summary.quarantined),
            ("duplicates_dropped", "Repeats met.", summary.dispositions["DUPLICATE"]),
            (
                "counter_regressions",
                "Refusals of a store that is behind what it once acknowledged.",
                summary.regressions,
            ),
            ("fenced", "Times another owner had the partition.", summary.fenced),
            ("rebalances", "Times the share was told.", self._group.reassigned),
        ):
            yield CounterMetricFamily(f"slotkeeper_{name}", help_text, value=count)
        refused = CounterMetricFamily(
            "slotkeeper_snapshots_refused", "Snapshots that were not used.", labels=["reason"]
        )
        for reason, count in (
            dict.fromkeys(SNAPSHOTS_REFUSED, 0) | summary.snapshots_refused
        ).items():
            refused.add_metric([reason], count)
        yield refused

    def _partitions(self) -> Iterator[Metric]:
        partitions = self._group.partitions
        for name, help_text, count in (
            ("assigned", "Partitions that this worker is to serve.", len(self._group.share or ())),
            ("open", "Partitions served.", sum(each.serving for each in partitions.values())),
        ):
            yield GaugeMetricFamily(f"slotkeeper_partitions_{name}", help_text, value=count)
        now = asyncio.get_running_loop().time()
        found = {number: _figures(each, now) for number, each in partitions.items()}
        for name, help_text in PARTITION:
            gauge = GaugeMetricFamily(f"slotkeeper_{name}", help_text, labels=["partition"])
            for number, figures in found.items():
                if name in figures:
                    gauge.add_metric([str(number)], figures[name])
            yield gauge


def _figures(partition: PartitionWorker, now: float) -> dict[str, float]:
    since, taken = partition.held_since, partition.snapshot
    figures = {
        "requests_held": partition.requests_held,
        "requests_held_seconds": 0.0 if since is None else now - since,
        "restore_remaining_records": partition.restore_remaining,
    }
    if taken is not None and taken.octets is not None:
        figures |= {"snapshot_age_seconds": now - taken.at_s, "snapshot_bytes": taken.octets}
    return figures


async def _lags(group: Group) -> dict[int, Mapping[str, int]]:
    """Ask every open partition at once; who does not answer in time is left out."""

    async def ask(each: PartitionWorker) -> Mapping[str, int] | None:
        try:
            async with asyncio.timeout(LAG_S):
                return await each.lag()
        except (StreamsError, TimeoutError):
            return None

    asked = dict(group.partitions)
    found = await asyncio.gather(*(ask(each) for each in asked.values()))
    return {number: lag for number, lag in zip(asked, found, strict=True) if lag is not None}
