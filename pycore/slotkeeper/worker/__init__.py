"""The life of an owned partition: fence, restore, seek, process.

The worker moves records between streams and engine. It decides nothing about them, but it decides
when: outcomes and inventory before requests, and nothing before it is known to be the only owner
with everything restored.
"""

from .acknowledge import acknowledge, examine
from .engine import Engine, EngineFactory, Staged
from .owner import Owner, Phase
from .run import Group, Progress, run, stopping_on_signals
from .snapshots import Snapshots
from .summary import Summary

__all__ = [
    "Engine",
    "EngineFactory",
    "Group",
    "Owner",
    "Phase",
    "Progress",
    "Snapshots",
    "Staged",
    "Summary",
    "acknowledge",
    "examine",
    "run",
    "stopping_on_signals",
]
