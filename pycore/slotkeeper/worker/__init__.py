"""The life of an owned partition: fence earlier owners, restore, then serve batch by batch.

The worker moves records between streams and engine. It decides nothing about them, but it decides
when: outcomes and inventory before requests, and nothing before it is known to be the only owner
with everything restored.
"""

from .acknowledge import acknowledge, examine
from .checkpoints import Checkpoints
from .group import Group, Progress, run
from .losses import Losses, losses
from .partition import PartitionWorker, Phase
from .snapshot import Snapshots
from .stopping import stopping_on_signals
from .summary import Summary

__all__ = [
    "Checkpoints",
    "Group",
    "Losses",
    "PartitionWorker",
    "Phase",
    "Progress",
    "Snapshots",
    "Summary",
    "acknowledge",
    "examine",
    "losses",
    "run",
    "stopping_on_signals",
]
