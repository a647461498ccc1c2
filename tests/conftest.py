"""Where the tests' streams are, for all tests."""

import itertools
import os
from collections import defaultdict
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import hypothesis
import pytest
from tests.kafka.broker import Cluster, running_cluster
from tests.kafka.left_open import left_open, note_connections

from slotkeeper.streams import Streams, StreamsSettings, create_streams, open_streams
from slotkeeper.streams.address import kafka_servers
from slotkeeper.streams.kafka.clients import admin
from slotkeeper.streams.kafka.options import ClientOptions

KINDS = ("sqlite", "kafka")

_places = itertools.count()

# A busy machine may take long over an example. Hypothesis is imported here and not first by its own
# plugin at the end of a run: Python 3.11 cannot parse a module while finalizers log (gh-106905).
hypothesis.settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("any machine")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--streams",
        metavar="URL",
        default=None,
        help="streams for the scenario tests; the default is all of them once on a fresh SQLite "
        "file each and once on fresh topics each",
    )


def pytest_configure(config: pytest.Config) -> None:
    patch = pytest.MonkeyPatch()
    config.add_cleanup(patch.undo)
    note_connections(patch)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown() -> Generator[None]:
    """Fail a test that leaves a connection to a broker behind, once all its fixtures have ended."""
    yield
    if left := left_open():
        pytest.fail("connections were left open, begun at\n" + "\n".join(left), pytrace=False)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin files whose tests may take longest first, where processes share the files.

    They would be waited for at the end else.
    """
    if hasattr(config, "workerinput"):
        longest: dict[Path, float] = defaultdict(float)
        for item in items:
            for mark in item.iter_markers("timeout"):
                longest[item.path] = max(longest[item.path], *mark.args)
        items.sort(key=lambda item: longest[item.path], reverse=True)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run scenario tests on every kind of streams, or at the one address that --streams gives."""
    if "streams_url" in metafunc.fixturenames:
        given = metafunc.config.getoption("--streams")
        metafunc.parametrize("streams_url", [given] if given else KINDS, indirect=True)


@pytest.fixture
def streams_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Address of the streams of a scenario test, empty unless --streams says otherwise."""
    if request.param == "kafka":
        return str(request.getfixturevalue("kafka_url"))
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'streams.db'}"
    return str(request.param)


@pytest.fixture
async def streams(streams_url: str) -> AsyncIterator[Streams]:
    async with AsyncExitStack() as stack:
        settings = StreamsSettings()
        if streams_url.startswith("kafka:"):
            settings = await stack.enter_async_context(place_of_its_own(streams_url))
        yield await stack.enter_async_context(open_streams(streams_url, settings))


@pytest.fixture(scope="session")
def kafka_cluster() -> Iterator[Cluster]:
    """A broker for all tests. Without Java or Maven they fail and say how to get them."""
    with running_cluster() as cluster:
        yield cluster


@pytest.fixture
def kafka_url(kafka_cluster: Cluster) -> str:
    return kafka_cluster.url


@pytest.fixture
async def kafka_place(kafka_url: str) -> AsyncIterator[StreamsSettings]:
    """Topics and a group that no other test uses."""
    async with place_of_its_own(kafka_url) as settings:
        yield settings


@asynccontextmanager
async def place_of_its_own(url: str) -> AsyncIterator[StreamsSettings]:
    name = f"test-{os.getpid()}-{next(_places)}"
    settings = StreamsSettings(application=name, topic_prefix=f"{name}.")
    await create_streams(url, settings)
    yield settings
    async with admin(ClientOptions(kafka_servers(url), {})) as client:
        await client.delete_topics([f"{name}.{stream}" for stream in settings.layout.names])
