"""Up to where an engine knows what is committed."""

from dataclasses import dataclass

from .positions import Positions

TRUSTED_SHARE = 0.8
"""Of the time for which tombstones are kept. The rest is for clocks that differ and for the replay
itself, which must be over before tombstones go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a replay may go on from.

    Attributes:
        positions: The last that are known to be committed; they say how far the table was read.
        changelog: The offset of the changelog up to which the engine knows it.
        at_ms: When nothing more than that was committed, milliseconds since 1970 UTC.
    """

    positions: Positions
    changelog: int
    at_ms: int

    def too_old(self, now_ms: int, tombstones_ms: int | None) -> bool:
        """Say whether a key may have been removed since without a trace.

        A clock that was put back says nothing, which counts as too old.
        """
        if tombstones_ms is None:
            return False
        return not 0 <= now_ms - self.at_ms <= tombstones_ms * TRUSTED_SHARE
