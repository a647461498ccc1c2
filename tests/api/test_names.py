"""The package's public names against ``slotkeeper.txt``; ``make api`` writes the file anew."""

import difflib
import os
from pathlib import Path

import pytest

from .listing import offered

KEPT = Path(__file__).with_name("slotkeeper.txt")
MODULES = (
    "slotkeeper",
    "slotkeeper.errors",
    "slotkeeper.lab",
    "slotkeeper.settings",
    "slotkeeper.streams",
)


def test_the_package_offers_what_is_written() -> None:
    now = "\n\n".join(map(offered, MODULES))
    if os.environ.get("UPDATE_SNAPSHOTS"):
        KEPT.write_text(now)
    kept = KEPT.read_text()
    if now != kept:
        change = difflib.unified_diff(
            kept.splitlines(), now.splitlines(), "written", "offered", lineterm=""
        )
        told = "\n".join(change)
        pytest.fail(f"{told}\n\nIf that is meant, `make api` writes it down.", pytrace=False)
