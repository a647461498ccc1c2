"""Where the tests' streams are, for all tests."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from slotkeeper.streams import Streams, open_streams


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--streams",
        metavar="URL",
        default=None,
        help="streams for the scenario tests; the default is a fresh SQLite file for each test",
    )


@pytest.fixture
def streams_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Address of the streams of a scenario test, empty unless --streams says otherwise."""
    url: str | None = request.config.getoption("--streams")
    return url or f"sqlite:///{tmp_path / 'streams.db'}"


@pytest.fixture
async def streams(streams_url: str) -> AsyncIterator[Streams]:
    async with open_streams(streams_url) as opened:
        yield opened
