"""The only door to what aiokafka keeps for itself: private attributes, and what no page documents.

aiokafka promises nothing about these names, not even for a patch release. Each module here has one
subject, says for each name why it is needed and what breaks without it, and offers operations, so
that nothing private leaves the package:

- ``connections``: a client's connections to the brokers, and requests that no client has a method
  for.
- ``fetched_batches``: how a consumer takes the broker's answers apart.
- ``heartbeats``: a member that the group has forgotten.
- ``joining``: a group that keeps one who joins waiting.
- ``kept_connections``: those that a client leaves behind when its end is disturbed.
- ``opened_answers``: compressed batches, inflated before a consumer sees them.
- ``packed_batch``: batches that were encoded elsewhere.
- ``quiet_producer``: futures of a producer that nobody awaits.
- ``transaction_pause``: how long a producer waits between two transactions.

``tests/kafka/test_client_internals.py`` has each name that is used here, with the signature or the
shape that the pinned version gives it; it fails for a name without an entry.
``tests/kafka/test_one_door.py`` fails where such a name is used elsewhere.
"""

from .connections import Client, ask, bootstrap_addresses, unreached_brokers
from .fetched_batches import bound_batches
from .heartbeats import before_joining_again
from .joining import give_up_joining
from .kept_connections import KeptConnections
from .packed_batch import PackedBatch
from .quiet_producer import QuietProducer
from .transaction_pause import shorten_transaction_pause

__all__ = [
    "Client",
    "KeptConnections",
    "PackedBatch",
    "QuietProducer",
    "ask",
    "before_joining_again",
    "bootstrap_addresses",
    "bound_batches",
    "give_up_joining",
    "shorten_transaction_pause",
    "unreached_brokers",
]
