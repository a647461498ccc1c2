"""Layouts that earlier versions had."""

from dataclasses import replace

from slotkeeper.streams import SLOTKEEPER


def _kept(streams: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(stream for stream in streams if stream not in SLOTKEEPER.added)


WITHOUT_WHAT_WAS_ADDED = replace(
    SLOTKEEPER,
    events=_kept(SLOTKEEPER.events),
    outputs=_kept(SLOTKEEPER.outputs),
    acts=(),
    added=(),
)
"""Before read-backs, alerts, baselines, evidence and exits."""

FIRST = replace(WITHOUT_WHAT_WAS_ADDED, registers=(), single=frozenset())
"""Before registers as well: of version 0.1.0."""
