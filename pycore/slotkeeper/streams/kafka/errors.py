"""From the client's errors to those of the streams."""

from collections.abc import Iterator
from contextlib import contextmanager

from aiokafka import errors

from slotkeeper.streams.errors import (
    StoppedForOperatorError,
    StoreUnavailableError,
    StreamsError,
    WrongUseError,
)

REFUSED = (
    errors.AuthenticationFailedError,
    errors.ClusterAuthorizationFailedError,
    errors.GroupAuthorizationFailedError,
    errors.IncompatibleBrokerVersion,
    errors.InvalidReplicationFactorError,
    errors.InvalidSessionTimeoutError,
    errors.InvalidTransactionTimeout,
    errors.MessageSizeTooLargeError,
    errors.PolicyViolationError,
    errors.SaslAuthenticationFailed,
    errors.TopicAuthorizationFailedError,
    errors.TransactionalIdAuthorizationFailed,
    errors.UnsupportedCodecError,
    errors.UnsupportedSaslMechanismError,
    errors.UnsupportedVersionError,
)
"""Another attempt gives the same answer until somebody changes a setting or a right."""

CLIENT = (errors.KafkaError, OSError)
"""What the client raises where a broker is away, slow or unwilling; time-outs are OSErrors."""


_RIGHTS = {
    errors.TopicAuthorizationFailedError: ("Read and Write", "topic"),
    errors.GroupAuthorizationFailedError: ("Read", "group"),
    errors.TransactionalIdAuthorizationFailed: ("Write", "transactional id"),
    errors.ClusterAuthorizationFailedError: ("IdempotentWrite", "the cluster, or Write on a topic"),
}
"""By error, which right is missing if nobody knows better, and on what."""

_BEYOND = {
    errors.InvalidSessionTimeoutError: (
        "kafka.session_timeout_ms",
        "group.min.session.timeout.ms to group.max.session.timeout.ms",
    ),
    errors.InvalidTransactionTimeout: (
        "kafka.transaction_timeout_ms",
        "at most transaction.max.timeout.ms",
    ),
}
"""By error, which setting is beyond what the brokers grant, and which of theirs say how much."""


@contextmanager
def translated(doing: str, *, needs: str = "") -> Iterator[None]:
    """Turn errors of the client into errors of the streams.

    Args:
        doing: What could not be done, for the sentence: "the changelog was not read".
        needs: Which right on the topics it needs.

    Raises:
        WrongUseError: The cluster refuses, and will again.
        StoppedForOperatorError: Records are gone before they were read.
        StoreUnavailableError: The cluster cannot be used now.
    """
    try:
        yield
    except CLIENT as error:
        raise judged(error, doing, needs=needs) from error


def judged(error: Exception, doing: str, *, needs: str = "") -> StreamsError:
    """Give the streams' error for one of the client's; arguments as for ``translated``."""
    # A client's background task tells its user of a failure by an error of no kind.
    while type(error) is errors.KafkaError and isinstance(error.__cause__, errors.KafkaError):
        error = error.__cause__
    if type(error) in _RIGHTS:
        right, what = _RIGHTS[type(error)]
        return WrongUseError(f"{doing}: no right to do so, {needs or right} on {what} {_on(error)}")
    if type(error) in _BEYOND:
        setting, granted = _BEYOND[type(error)]
        return WrongUseError(f"{doing}: {setting} is not what the brokers grant, {granted}")
    told = f"{doing}: {type(error).__name__} {error}".rstrip()
    if isinstance(error, REFUSED):
        return WrongUseError(told)
    if isinstance(error, errors.OffsetOutOfRangeError):
        return StoppedForOperatorError(
            f"{told}. Records were deleted before they were read, or a topic was made anew"
        )
    return StoreUnavailableError(told)


def _on(error: Exception) -> str:
    """Give the names that an error of a right carries, whatever it carries them in."""
    (names,) = error.args or ("",)
    return ", ".join(sorted(names)) if isinstance(names, set | frozenset) else str(names or "")
