"""What ``client_internals`` uses of aiokafka is there, and has the shape that it counts on.

Whether it also does what is expected is seen at a broker: ``test_quiet.py``,
``test_membership.py``, ``test_packs.py``, ``test_security.py``. Where a test here fails after the
pinned version was raised, the module that uses the name is to be read again beside the new source.
"""

import ast
import asyncio
import inspect
import re
import tomllib
from collections.abc import AsyncIterator, Iterator
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.conn import AIOKafkaConnection
from aiokafka.consumer.fetcher import READ_COMMITTED, Fetcher, PartitionRecords
from aiokafka.consumer.group_coordinator import GroupCoordinator, NoGroupCoordinator
from aiokafka.consumer.subscription_state import SubscriptionState
from aiokafka.errors import ProducerFenced
from aiokafka.producer.message_accumulator import MessageBatch
from aiokafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder
from aiokafka.record.legacy_records import LegacyRecordBatch, LegacyRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.structs import BrokerMetadata
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from tests.kafka.private_names import aiokafkas_names
from tests.kafka.test_quiet import complaints

from slotkeeper.streams.kafka.client_internals import PackedBatch, QuietProducer

ROOT = Path(__file__).parents[2]
DOOR = ROOT / "pycore/slotkeeper/streams/kafka/client_internals"

CLIENT = "aiokafka.client:AIOKafkaClient"
COORDINATOR = "aiokafka.consumer.group_coordinator:GroupCoordinator"
QUEUES = "aiokafka.producer.message_accumulator"
FETCHER = "aiokafka.consumer.fetcher"
BATCH = "aiokafka.record.default_records:DefaultRecordBatch"
TRANSACTIONS = "aiokafka.producer.transaction_manager:TransactionManager"

SIGNATURES = {
    # connections
    f"{CLIENT}.hosts": "property",
    f"{CLIENT}.get_random_node": "(self)",
    f"{CLIENT}.ready": "async (self, node_id, *, group=)",
    f"{CLIENT}.send": "async (self, node_id, request, *, group=)",
    "aiokafka.cluster:ClusterMetadata.broker_metadata": "(self, broker_id)",
    # fetched_batches
    f"{FETCHER}:Fetcher._proc_fetch_request": "async (self, assignment, node_id, request)",
    f"{FETCHER}:PartitionRecords": (
        "(tp, records, aborted_transactions, fetch_offset, key_deserializer, value_deserializer, "
        "check_crcs, isolation_level)"
    ),
    f"{FETCHER}:PartitionRecords._unpack_records": "(self)",
    f"{FETCHER}:PartitionRecords._consume_aborted_up_to": "(self, batch_offset)",
    f"{FETCHER}:PartitionRecords._contains_abort_marker": "(self, next_batch)",
    f"{FETCHER}:READ_COMMITTED": "int",
    # Of these the compiled form is used, which tells no parameters.
    "aiokafka.record.memory_records:MemoryRecords": "class",
    BATCH: "class",
    # opened_answers
    "aiokafka.protocol.fetch:FetchRequest": (
        "(max_wait_time, min_bytes, max_bytes, isolation_level, topics, rack_id=)"
    ),
    "aiokafka.record.legacy_records:LegacyRecordBatch": "class",
    # heartbeats
    f"{COORDINATOR}._do_heartbeat": "async (self)",
    f"{COORDINATOR}.reset_generation": "(self)",
    # kept_connections
    f"{CLIENT}.bootstrap": "async (self)",
    f"{CLIENT}._get_conn": "async (self, node_id, *, group=, no_hint=)",
    f"{CLIENT}.force_metadata_update": "(self)",
    # packed_batch
    f"{QUEUES}:BatchBuilder._set_producer_state": (
        "(self, producer_id, producer_epoch, base_sequence)"
    ),
    f"{QUEUES}:BatchBuilder._build": "(self)",
    f"{QUEUES}:BatchBuilder.record_count": "(self)",
    f"{QUEUES}:BatchBuilder.closed": "(self)",
    f"{QUEUES}:BatchBuilder.close": "(self)",
    # quiet_producer
    f"{QUEUES}:MessageAccumulator.fail_all": "(self, exception)",
    f"{TRANSACTIONS}.wait_for_transaction_end": "(self)",
    f"{TRANSACTIONS}.fatal_error": "(self, exc)",
    "aiokafka:AIOKafkaProducer.begin_transaction": "async (self)",
    # transaction_pause
    "aiokafka.producer:sender": "module",
    "aiokafka.producer.sender:BACKOFF_OVERRIDE": "float",
    # Of modules without a page, used by refusal.py, rights.py and topic_ids.py.
    "aiokafka.conn:create_conn": (
        "async (host, port, *, client_id=, request_timeout_ms=, ssl_context=, security_protocol=, "
        "max_idle_ms=, on_close=, sasl_mechanism=, sasl_plain_username=, sasl_plain_password=, "
        "sasl_kerberos_service_name=, sasl_kerberos_domain_name=, sasl_oauth_token_provider=)"
    ),
    "aiokafka.conn:AIOKafkaConnection.send": "(self, request, expect_response=)",
    "aiokafka.conn:AIOKafkaConnection.close": "(self, reason=, exc=)",
    "aiokafka.conn:OAuthAuthenticator": "(*, sasl_oauth_token_provider)",
    "aiokafka.conn:OAuthAuthenticator.step": "async (self, payload)",
    "aiokafka.protocol.admin:DescribeGroupsRequest_v3": "(*args, **kwargs)",
    "aiokafka.protocol.admin:DescribeGroupsResponse_v3": "(*args, **kwargs)",
    "aiokafka.protocol.admin:SaslAuthenticateRequest": "(payload)",
    "aiokafka.protocol.admin:SaslHandShakeRequest": "(mechanism)",
    "aiokafka.protocol.commit:OffsetFetchRequest": "(consumer_group, partitions)",
    "aiokafka.protocol.coordination:FindCoordinatorRequest": "(coordinator_key, coordinator_type)",
    "aiokafka.protocol.metadata:MetadataRequest": "(topics=, allow_auto_topic_creation=)",
    "aiokafka.protocol.api:Request.build": "(self, request_struct_class)",
    "aiokafka.protocol.api:Request.prepare": "(self, versions)",
    "aiokafka.protocol.api:RequestStruct": "(*args, **kwargs)",
    "aiokafka.protocol.api:Response": "(*args, **kwargs)",
    "aiokafka.protocol.types:Array": "(array_of_0, *array_of)",
    "aiokafka.protocol.types:Boolean": "()",
    "aiokafka.protocol.types:CompactArray": "(array_of_0, *array_of)",
    "aiokafka.protocol.types:CompactString": "(encoding=)",
    "aiokafka.protocol.types:Int16": "()",
    "aiokafka.protocol.types:Int32": "()",
    "aiokafka.protocol.types:Schema": "(*fields)",
    "aiokafka.protocol.types:String": "(encoding=)",
    "aiokafka.protocol.types:TaggedFields": "()",
    # An answer of a flexible version has a header of its own.
    "aiokafka.protocol.api:RequestStruct.FLEXIBLE_VERSION": "bool",
    "aiokafka.protocol.api:RequestStruct.parse_response_header": "(self, read_buffer)",
}
"""Kinds and parameters; "=" stands behind what has a default."""

ATTRIBUTES = {
    "consumer._client": "AIOKafkaClient",
    "consumer._coordinator": "NoneType",  # until it is started
    "consumer._fetcher": "NoneType",  # until it is started
    **{
        f"records.{name}": kind
        for name, kind in {
            "_tp": "TopicPartition",
            "_records": "MemoryRecords",
            "_check_crcs": "bool",
            "_isolation_level": "int",
            "_aborted_producers": "set",
            "next_fetch_offset": "int",
        }.items()
    },
    **{
        f"{batch}.{name}": kind
        for batch in ("default", "ancient")
        for name, kind in {
            "next_offset": "int",
            "is_control_batch": "bool",
            "is_transactional": "bool",
            "validate_crc": "method",
            "__iter__": "method-wrapper",
        }.items()
    },
    **{f"answer.{name}": "method" for name in ("has_next", "next_batch", "size_in_bytes")},
    "default.base_offset": "int",
    "default.producer_id": "int",
    "ancient.producer_id": "NoneType",
    "admin._client": "AIOKafkaClient",
    "producer.client": "AIOKafkaClient",
    "producer._sender": "Sender",
    "producer._sender._sender_task": "NoneType",  # until it is started
    "producer._message_accumulator": "MessageAccumulator",
    "producer._message_accumulator._batches": "defaultdict",
    "producer._txn_manager": "TransactionManager",
    "network.cluster": "ClusterMetadata",
    "network.hosts": "list",
    "network._sync_task": "NoneType",  # until it has looked around
    "network._md_update_fut": "NoneType",  # until somebody asks
    "broker.host": "str",
    "broker.port": "int",
    "connection._writer": "NoneType",  # until it has connected
    "fetcher._fetch_task": "Task",
    "fetcher._pending_tasks": "set",
    "alone._reset_committed_task": "Task",
    "coordinator._coordination_task": "Task",
    "coordinator._heartbeat_task": "NoneType",  # until it has joined
    "coordinator._commit_refresh_task": "NoneType",  # until it has joined
    "coordinator.member_id": "str",
    "coordinator.__dict__": "dict",  # hides a method by an attribute
    "batch._drain_waiter": "Future",
}
"""Types, of objects that are made and not started."""

CALLS = {
    f"{CLIENT}.bootstrap": {"create_conn"},
    f"{CLIENT}._get_conn": {"create_conn"},
    # What is put in the place of a method, or of a constant, has an effect only if it is used.
    f"{FETCHER}:Fetcher._fetch_requests_routine": {"_proc_fetch_request"},
    f"{FETCHER}:Fetcher._proc_fetch_request": {
        "_client",
        "send",
        "topics",
        "MemoryRecords",
        "PartitionRecords",
        "has_next",
        "size_in_bytes",
    },
    f"{FETCHER}:PartitionRecords.__init__": {"_unpack_records"},
    f"{FETCHER}:FetchResult.getall": {"_partition_records", "_update_position"},
    "aiokafka:AIOKafkaConsumer.start": {"_coordinator", "_fetcher", "Fetcher", "GroupCoordinator"},
    f"{COORDINATOR}._heartbeat_routine": {"_do_heartbeat"},
    f"{COORDINATOR}._do_heartbeat": {"reset_generation"},
    "aiokafka.producer.sender:Sender._fail_all": {"fail_all", "_message_accumulator"},
    "aiokafka.producer.sender:AddPartitionsToTxnHandler.handle_response": {"BACKOFF_OVERRIDE"},
}
"""By function, which names it must use."""

COMPILED = (MemoryRecords, DefaultRecordBatch, LegacyRecordBatch)
"""Classes that tell no parameters."""

DOCUMENTED = {"aiokafka", "aiokafka.abc", "aiokafka.errors", "aiokafka.helpers"}
"""Modules with a page in aiokafka's documentation, and ``aiokafka.admin`` with all in it."""


@pytest.mark.parametrize("name", SIGNATURES)
def test_a_function_takes_what_it_took(name: str) -> None:
    now = signature(name)
    assert now == SIGNATURES[name], f"{name} was {SIGNATURES[name]} and is now {now}"


@pytest.mark.parametrize("name", CALLS)
def test_a_function_is_called_where_it_was(name: str) -> None:
    missing = CALLS[name] - set(inspect.unwrap(resolved(name)).__code__.co_names)
    assert not missing, f"{name} does not use {', '.join(sorted(missing))} any more"


@pytest.fixture
async def objects() -> AsyncIterator[dict[str, Any]]:
    """Give aiokafka's objects, made and not started."""
    consumer = AIOKafkaConsumer()
    producer = AIOKafkaProducer(transactional_id="t")
    admin = AIOKafkaAdminClient()
    coordinator = GroupCoordinator(consumer._client, SubscriptionState())
    alone = NoGroupCoordinator(consumer._client, SubscriptionState())
    fetcher = Fetcher(consumer._client, SubscriptionState())
    builder = producer.create_batch()
    default = DefaultRecordBatchBuilder(2, 0, 0, 1, 0, 0, 99)
    ancient = LegacyRecordBatchBuilder(1, 0, 99)
    for one in (default, ancient):
        one.append(0, 0, None, b"", [])
    yield {
        "consumer": consumer,
        "producer": producer,
        "admin": admin,
        "network": producer.client,
        "broker": BrokerMetadata(nodeId=0, host="localhost", port=9092, rack=None),
        "connection": AIOKafkaConnection("localhost", 9092),
        "coordinator": coordinator,
        "alone": alone,
        "fetcher": fetcher,
        "records": PartitionRecords(
            *(TopicPartition("t", 0), MemoryRecords(b""), [], 0, None, None),
            check_crcs=True,
            isolation_level=READ_COMMITTED,
        ),
        "answer": MemoryRecords(b""),
        "default": MemoryRecords(bytes(default.build())).next_batch(),
        "ancient": MemoryRecords(bytes(ancient.build())).next_batch(),
        "batch": MessageBatch(TopicPartition("t", 0), builder, 1.0, 0.0),
    }
    await asyncio.sleep(0)  # a task that has not begun would cancel its coordinator's end
    await fetcher.close()
    await alone.close()
    await coordinator.close()
    await consumer.stop()
    await producer.stop()
    await admin.close()


@pytest.mark.parametrize("name", ATTRIBUTES)
async def test_an_object_has_what_it_had(name: str, objects: dict[str, Any]) -> None:
    first, *rest = name.split(".")
    found = objects[first]
    for part in rest:
        assert hasattr(found, part), f"{name}: {type(found).__name__} has no {part} any more"
        found = getattr(found, part)
    now = type(found).__name__
    assert now == ATTRIBUTES[name], f"{name} was {ATTRIBUTES[name]} and is now {now}"


async def test_hosts_are_names_and_ports(objects: dict[str, Any]) -> None:
    assert [host[:2] for host in objects["network"].hosts] == [("localhost", 9092)]
    assert len(objects["network"].hosts[0]) == 3


async def test_queues_hold_batches_by_partition() -> None:
    producer = AIOKafkaProducer()
    place = TopicPartition("t", 0)
    try:
        await producer._message_accumulator.add_batch(producer.create_batch(), place, 1.0)
        (waiting,) = producer._message_accumulator._batches[place]
        assert isinstance(waiting, MessageBatch)
        assert isinstance(waiting._drain_waiter, asyncio.Future)
    finally:
        await producer.stop()


def test_a_packed_batch_has_all_that_the_producer_looks_at() -> None:
    tree = ast.parse(inspect.getsource(import_module(QUEUES)))
    used = {
        node.attr
        for one in ast.walk(tree)
        if isinstance(one, ast.ClassDef) and one.name in {"MessageBatch", "MessageAccumulator"}
        for node in ast.walk(one)
        if isinstance(node, ast.Attribute) and ast.unparse(node.value).endswith("_builder")
    }
    # Only the producer's own `send` appends, and never to a batch that is closed.
    expected = {"append"} | {
        name.rpartition(".")[2] for name in SIGNATURES if "BatchBuilder" in name
    }
    assert used == expected, f"the producer looks at {sorted(used ^ expected)} of a builder"
    assert not {name for name in expected - {"append"} if not hasattr(PackedBatch, name)}


async def test_a_fence_that_several_answers_tell_of_is_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Each of them ends the transaction anew, by a future that nobody awaits any more."""
    complaints(caplog)
    # What tests before this one have left behind is theirs.
    caplog.clear()
    producer = QuietProducer(bootstrap_servers="127.0.0.1:1", transactional_id="one")
    manager: Any = producer._txn_manager
    manager.set_pid_and_epoch(1, 0)
    await producer.begin_transaction()
    for _ in range(3):
        manager.fatal_error(ProducerFenced())
    manager = None
    await producer.stop()
    del producer
    assert complaints(caplog) == []


def test_each_internal_that_the_door_uses_is_checked_here() -> None:
    checked = {re.split(r"[.:]", name)[-1] for name in (*SIGNATURES, *ATTRIBUTES)}
    used, own, declared = set[str](), set[str](), set[str]()
    for file in DOOR.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Attribute):
                used.add(node.attr)
                if isinstance(node.ctx, ast.Store) and ast.unparse(node.value) == "self":
                    own.add(node.attr)
            elif isinstance(node, ast.ClassDef) and "Protocol" in map(ast.unparse, node.bases):
                declared |= set(members(node))
            elif isinstance(node, ast.ClassDef):
                used |= set(members(node))
    assert len(declared) > 10
    assert declared - checked == set()
    assert (used & aiokafkas_names()) - own - checked == set()


def members(node: ast.ClassDef) -> Iterator[str]:
    for statement in node.body:
        if isinstance(statement, ast.AnnAssign):
            yield ast.unparse(statement.target)
        elif isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            yield statement.name


def test_each_name_without_a_page_is_checked_here() -> None:
    used = set()
    for file in (ROOT / "pycore").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom) and not node.level and node.module:
                used |= {f"{node.module}:{alias.name}" for alias in node.names}
    undocumented = {
        name
        for name in used
        if name.startswith("aiokafka.")
        and not name.startswith("aiokafka.admin")
        and name.partition(":")[0] not in DOCUMENTED
    }
    assert len(undocumented) > 10
    assert {
        name for name in undocumented if not any(one.startswith(name) for one in SIGNATURES)
    } == set()


def test_the_version_is_pinned_within_the_range() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (wanted,) = (one for one in map(Requirement, project["dependencies"]) if one.name == "aiokafka")
    installed = metadata.version("aiokafka")
    # A minor version may change anything that is used here, and its next must not come by itself.
    assert wanted.specifier == SpecifierSet(">=0.14,<0.15")
    assert installed in wanted.specifier
    assert set(pins()) == {installed}


def pins() -> Iterator[str]:
    """Give the version that each file of locked packages has."""
    files = ("requirements/run.txt", "requirements/dev.txt", "benchmarks/peers/requirements.txt")
    for file in files:
        (pinned,) = re.findall(r"^aiokafka==(\S+)", (ROOT / file).read_text(), re.MULTILINE)
        yield pinned


def resolved(name: str) -> Any:  # noqa: ANN401
    """Give what ``module:name.name`` names."""
    module, _, path = name.partition(":")
    found = import_module(module)
    for part in path.split("."):
        found = inspect.getattr_static(found, part, None)
        assert found is not None, f"{name} is not there any more"
    return found


def signature(name: str) -> str:
    """Say what something is; of a function how it is called."""
    found = resolved(name)
    if not callable(found):
        return type(found).__name__
    told = []
    star = False
    if found in COMPILED:
        return "class"
    for parameter in inspect.signature(found).parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and not star:
            told.append("*")
        star |= parameter.kind in {parameter.KEYWORD_ONLY, parameter.VAR_POSITIONAL}
        # "*args" and "**kwargs" as they are, others without their types and defaults.
        stars = re.match(r"\**", str(parameter))
        default = "" if parameter.default is parameter.empty else "="
        told.append(f"{stars[0] if stars else ''}{parameter.name}{default}")
    kind = "async " if inspect.iscoroutinefunction(found) else ""
    return f"{kind}({', '.join(told)})"
