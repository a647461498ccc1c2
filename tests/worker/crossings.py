"""Counts the calls from Python into the extension."""

import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

BY_BATCH = {"stage", "seal", "records", "packed", "fold"}
"""What a batch that is committed is asked for, each at most once; packs are encoded besides."""

WITHOUT_ENGINE = {"partition_for", "canonical_key"}
"""Functions that publishing calls."""


@contextmanager
def crossings() -> Iterator[Counter[str]]:
    """Count the calls by the method's name, of this thread and of those that start meanwhile."""
    counted: Counter[str] = Counter()

    def count(_frame: FrameType, event: str, called: Any) -> None:  # noqa: ANN401
        if event == "c_call" and type(called.__self__).__module__ == "slotkeeper._core":
            counted[called.__name__] += 1

    threading.setprofile(count)
    sys.setprofile(count)
    try:
        yield counted
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
