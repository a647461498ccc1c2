"""The story that every scenario tells."""

import os
from pathlib import Path

import pytest
from tests.scenarios.story import Story

from slotkeeper.streams import Streams


@pytest.fixture
def story(request: pytest.FixtureRequest, streams: Streams, tmp_path: Path) -> Story:
    """A story with devices of its own, also where --streams names streams that others use."""
    shared = request.config.getoption("--streams") is not None
    first = int.from_bytes(os.urandom(3), "big") << 8 if shared else 0
    return Story(streams, tmp_path / "settings", first_device=first)
