"""Connections that a test has left open: told by that test, not by the one in which they vanish."""

import traceback
from typing import Any
from weakref import WeakKeyDictionary

import pytest
from aiokafka.conn import AIOKafkaConnection

_begun: "WeakKeyDictionary[AIOKafkaConnection, str]" = WeakKeyDictionary()
"""By connection, where it was begun."""


def note_connections(patch: pytest.MonkeyPatch) -> None:
    """Have every connection of this process noted from here on."""
    plain = AIOKafkaConnection.__init__

    def noted(self: Any, *given: Any, **more: Any) -> None:  # noqa: ANN401
        plain(self, *given, **more)
        _begun[self] = "".join(traceback.format_stack(limit=12)[:-1])

    patch.setattr(AIOKafkaConnection, "__init__", noted)


def left_open() -> list[str]:
    """Say where each connection was begun that is still open; each is told once."""
    found = [(connection, where) for connection, where in _begun.items() if connection.connected()]
    for connection, _ in found:
        del _begun[connection]
    return [where for _, where in found]
