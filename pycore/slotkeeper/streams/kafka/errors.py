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
    errors.MessageSizeTooLargeError,
    errors.PolicyViolationError,
    errors.SaslAuthenticationFailed,
    errors.TopicAuthorizationFailedError,
    errors.TransactionalIdAuthorizationFailed,
    errors.UnsupportedSaslMechanismError,
    errors.UnsupportedVersionError,
)
"""Another attempt gives the same answer until somebody changes a setting or a right."""

CLIENT = (errors.KafkaError, OSError)
"""What the client raises where a broker is away, slow or unwilling; time-outs are OSErrors."""


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Turn errors of the client into errors of the streams.

    Args:
        doing: What could not be done, for the sentence: "the changelog was not read".

    Raises:
        WrongUseError: The cluster refuses, and will again.
        StoppedForOperatorError: Records are gone before they were read.
        StoreUnavailableError: The cluster cannot be used now.
    """
    try:
        yield
    except CLIENT as error:
        raise judged(error, doing) from error


def judged(error: Exception, doing: str) -> StreamsError:
    """Give the streams' error for one of the client's."""
    told = f"{doing}: {type(error).__name__} {error}".rstrip()
    if isinstance(error, REFUSED):
        return WrongUseError(told)
    if isinstance(error, errors.OffsetOutOfRangeError):
        return StoppedForOperatorError(
            f"{told}. Records were deleted before they were read, or a topic was made anew"
        )
    return StoreUnavailableError(told)
