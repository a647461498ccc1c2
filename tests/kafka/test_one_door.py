"""Private names of the Kafka client are used in one package, ``client_internals``."""

import ast
from functools import cache
from pathlib import Path

import pytest
from tests.kafka.private_names import faults

ROOT = Path(__file__).parents[2]
FOLDERS = ("pycore", "tests", "benchmarks", "examples")
DOOR = (
    Path("pycore/slotkeeper/streams/kafka/client_internals"),
    # Looks whether what the door uses is there.
    Path("tests/kafka/test_client_internals.py"),
)

BESIDE_KAFKA = Path("pycore/slotkeeper/streams/kafka/new.py")
ELSEWHERE = Path("pycore/slotkeeper/worker/new.py")


def at_the_door(path: Path) -> bool:
    return any(path.is_relative_to(part) for part in DOOR)


@cache
def project() -> dict[Path, ast.Module]:
    files = [file for folder in FOLDERS for file in sorted((ROOT / folder).rglob("*.py"))]
    return {file.relative_to(ROOT): ast.parse(file.read_text()) for file in files}


def faults_of(path: Path, source: str) -> list[str]:
    """Give the faults of a file that would be new in the project."""
    return list(faults({**project(), path: ast.parse(source)}, [path]))


def test_private_names_of_the_client_are_used_in_one_package() -> None:
    judged = [path for path in project() if not at_the_door(path)]
    assert len(judged) > 200
    assert list(faults(project(), judged)) == []


@pytest.mark.parametrize("part", DOOR)
def test_the_door_is_where_the_rule_expects_it(part: Path) -> None:
    assert list(faults(project(), [path for path in project() if path.is_relative_to(part)]))


WAYS_IN = {
    "an attribute": "def f(client): client._coordinator",
    "an attribute of an own attribute": "class A:\n def f(self): self.client._coordinator",
    "another name": "def f(client):\n c = client\n return c._client.hosts",
    "a method": "async def f(client): await client._send_request(1)",
    "a mangled name": "def f(c): c._GroupCoordinator__coordination_routine()",
    "an own class that has the name": "class A:\n def f(self, c): self._client = c._client",
    "super": "class A:\n def f(self): super()._client",
    "a function that calls it self": "def f(self): self._coordinator",
    "a static method": "class A:\n @staticmethod\n def f(self): self._coordinator",
    "a method of another class": "class A:\n def f(self): self._coordinator",
    "self that is another": "class A:\n def f(self, c):\n  self = c\n  self._coordinator",
    "a nested self": "class A:\n def f(self):\n  def g(self): self._coordinator\n  return g",
    "a subclass": (
        "from aiokafka import AIOKafkaProducer as P\n"
        "class A(P):\n def f(self): self._sender.close()"
    ),
    "a subclass of a subclass": (
        "from .client_internals import QuietProducer\n"
        "class B(QuietProducer): pass\n"
        "class A(B):\n def f(self): self._sender = None"
    ),
    "a replaced method": (
        "from aiokafka.producer.producer import AIOKafkaProducer\n"
        "class A(AIOKafkaProducer):\n def _serialize(self): pass"
    ),
    "getattr": "def f(c): getattr(c, '_client')",
    "getattr by a constant": "NAME = '_client'\ndef f(c): getattr(c, NAME)",
    "getattr by a name that is made": "def f(c): getattr(c, '_' + 'client')",
    "setattr": "def f(c): setattr(c, '_coordinator', None)",
    "a patch": "def f(monkeypatch, c): monkeypatch.setattr(c, '_client', None)",
    "a patched path": (
        "def f(monkeypatch): monkeypatch.setattr('aiokafka.client.AIOKafkaClient._get_conn', 1)"
    ),
    "operator": "from operator import attrgetter\nF = attrgetter('_client.hosts')",
    "vars": "def f(c): vars(c)['x']",
    "the dictionary": "def f(c): c.__dict__['x']",
    "object": "def f(c): object.__getattribute__(c, 'x')",
    "a pattern": "def f(c):\n match c:\n  case object(_client=x): return x",
    "a private import": "from aiokafka.record._crecords import DefaultRecordBatch",
    "a private module": "import aiokafka.record._crecords",
    "a constant of a module": (
        "from aiokafka.producer import sender\ndef f(): sender.BACKOFF_OVERRIDE = 0"
    ),
    "a method of a class": (
        "from aiokafka.client import AIOKafkaClient\nAIOKafkaClient.ready = None"
    ),
}


@pytest.mark.parametrize("source", WAYS_IN.values(), ids=WAYS_IN.keys())
def test_each_way_in_is_seen(source: str) -> None:
    assert faults_of(BESIDE_KAFKA, source)


@pytest.mark.parametrize(
    "source",
    [
        "def f(client): client._coordinator",
        "def f(client): getattr(client, '_coordinator')",
        "import aiokafka\ndef f(x): x._anything",
        "from slotkeeper.streams.kafka.clients import consumer\ndef f(x): x._anything",
        "from aiokafka.record._crecords import DefaultRecordBatch",
    ],
)
def test_a_way_in_from_elsewhere_is_seen(source: str) -> None:
    assert faults_of(ELSEWHERE, source)


@pytest.mark.parametrize(
    "source",
    [
        "class A:\n def __init__(self): self._client = 1\n def f(self): return self._client",
        "class A:\n def f(self): return self._own\n def _own(self): pass",
        "class A:\n def __init__(self): self._x = 1\nclass B(A):\n def f(self): return self._x",
        "def f(record): return record._replace(offset=1)",
        "import asyncio\nRUN = asyncio.events.Handle._run",
        "def f(monkeypatch, client): monkeypatch.setattr(client, 'getmany', None)",
        "class A:\n def __getattr__(self, name): return getattr(self._inner, name)",
        (
            "from aiokafka import ConsumerRebalanceListener as L\n"
            "class A(L):\n def __init__(self): self._consumer = 1"
        ),
    ],
)
def test_what_is_no_way_in_is_let_alone(source: str) -> None:
    assert faults_of(BESIDE_KAFKA, source) == []


def test_elsewhere_private_names_of_the_project_are_let_alone() -> None:
    source = "class A:\n def __init__(self): self._client = 1\ndef f(a): a._client"
    assert faults_of(ELSEWHERE, source) == []
