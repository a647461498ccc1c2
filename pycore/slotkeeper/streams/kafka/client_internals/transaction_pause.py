"""How long a producer waits between two transactions."""

from aiokafka.producer import sender

PAUSE_S = 0.002
"""Measured with transactions back to back on one id: 24.2 ms each with aiokafka's 20 ms, 1.1 ms
with 2 ms."""


def shorten_transaction_pause() -> None:
    """Have all producers of this process ask sooner whether a transaction may begin.

    A producer that begins while the broker still writes the markers of its last transaction sleeps
    for a constant of aiokafka's module, for which there is no option. Without this each transaction
    takes 20 ms more.
    """
    sender.BACKOFF_OVERRIDE = PAUSE_S
