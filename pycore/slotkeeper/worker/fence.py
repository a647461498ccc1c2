"""How far other inputs must have been read before a record may be decided."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Fence:
    """The ends of inputs, asked for after the records behind the fence had been fetched.

    An outcome that stood in its partition when the request was fetched is below the fence, so a
    request that is decided only when the fence is passed is decided with that outcome's counter.

    Attributes:
        ends: By stream, the offset that must be reached. An audit record calls it
            ``decided_after``.
    """

    ends: Mapping[str, int]

    @classmethod
    def at(cls, ends: Mapping[str, int], streams: Iterable[str]) -> Self:
        """Put a fence at the ends of these streams."""
        return cls({stream: ends[stream] for stream in streams})

    def passed(self, positions: Mapping[str, int]) -> bool:
        """Say whether everything below the fence has been read."""
        return all(positions[stream] >= end for stream, end in self.ends.items())
