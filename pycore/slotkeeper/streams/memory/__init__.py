"""Streams in this process's memory: deterministic, with faults on demand, for simulation.

Nothing survives the process. Commits fail where a test wants them to, in each of the ways in which
commits of durable kinds can fail.
"""

from .faults import Fault, SimulatedCrashError, no_faults
from .streams import MemoryStreams

__all__ = ["Fault", "MemoryStreams", "SimulatedCrashError", "no_faults"]
