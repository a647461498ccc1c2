"""Compressed octets of a batch, inflated as far as a bound and never further.

A batch is compressed by whoever wrote it, and a few hundred kB may say that they are gigabytes. So
nothing is inflated that has not been bounded first: neither library nor announcement is trusted to
end.
"""

import mmap
import struct
import zlib
from typing import Any

from aiokafka.errors import UnsupportedCodecError

try:
    import cramjam
except ImportError:  # what needs it says so
    cramjam = None  # type: ignore[assignment]

_GZIP = 1
_SNAPPY = 2
_LZ4 = 3
_ZSTD = 4
"""The codecs' numbers in a batch's attributes."""

_NAMES = {_GZIP: "gzip", _SNAPPY: "snappy", _LZ4: "lz4", _ZSTD: "zstd"}

_GZIP_FORM = 16 + zlib.MAX_WBITS
"""As zlib asks for a header and trailer of gzip (RFC 1952)."""

_GZIP_MEMBERS = 64
"""Of one batch. Kafka's producers write one; a batch of thousands would cost time in their
number."""

_XERIAL = b"\x82SNAPPY\0"
"""Begins the framing of the library that Java's clients use; two versions of four octets follow."""

_XERIAL_HEADER = 16
_XERIAL_BLOCK = struct.Struct(">I")

_FULL = "failed to write whole buffer"
"""How cramjam says that the output does not fit; its errors have one type."""


_LIKELY_RATIO = 6
"""Of inflated octets to compressed ones: JSON and XML with base64 come to 2 to 5."""


class InflatesTooFarError(ValueError):
    """There is more in it than was asked for."""


class DamagedError(ValueError):
    """It is no such thing."""


def inflate(codec: int, octets: bytes | memoryview, most: int) -> bytes:
    """Inflate what a batch holds behind its header.

    Args:
        codec: By its number in the batch's attributes, 1 to 7.
        octets: As compressed.
        most: Octets that it may become.

    Raises:
        InflatesTooFarError: It would become more; at most ``most`` of it was held meanwhile.
        DamagedError: It cannot be inflated.
        UnsupportedCodecError: This program cannot read the codec; the text says what to install.
    """
    if codec not in _NAMES:
        raise UnsupportedCodecError(
            f"compressed by codec {codec}, and this program knows 1 to {max(_NAMES)}: install a "
            "newer version of it, or have the topic's producers use another compression.type"
        )
    if codec == _GZIP:
        return _gunzip(octets, most)
    if cramjam is None:
        raise UnsupportedCodecError(
            f"compressed by {_NAMES[codec]}, for which the package cramjam is missing: install it "
            "(`pip install cramjam`)"
        )
    try:
        if codec == _SNAPPY:
            return _unsnap(octets, most)
        return _into(cramjam.lz4 if codec == _LZ4 else cramjam.zstd, octets, most)
    except cramjam.DecompressionError as error:
        if str(error) == _FULL:
            raise InflatesTooFarError from None
        raise DamagedError(f"no {_NAMES[codec]}: {error}") from None


def _into(library: Any, octets: bytes | memoryview, most: int) -> bytes:  # noqa: ANN401
    """Inflate into an output of a fixed size: a likely one, and then the largest."""
    likely = _LIKELY_RATIO * len(octets)
    if likely < most:
        output = bytearray(likely)
        try:
            return bytes(memoryview(output)[: library.decompress_into(octets, output)])
        except cramjam.DecompressionError as error:
            if str(error) != _FULL:
                raise
    # Pages that nothing is written to take no memory; to map them costs as much as 20 records.
    with mmap.mmap(-1, most) as pages:
        return pages[: library.decompress_into(octets, pages)]


def _gunzip(octets: bytes | memoryview, most: int) -> bytes:
    parts = []
    left = most
    for _ in range(_GZIP_MEMBERS):
        member = zlib.decompressobj(_GZIP_FORM)
        try:
            part = member.decompress(octets, left + 1)
        except zlib.error as error:
            raise DamagedError(f"no gzip: {error}") from None
        if len(part) > left:
            raise InflatesTooFarError
        if not member.eof:
            raise DamagedError("no gzip: it ends too early")
        parts.append(part)
        left -= len(part)
        octets = member.unused_data
        if not octets:
            return b"".join(parts)
    raise DamagedError(f"no gzip of at most {_GZIP_MEMBERS} members")


def _unsnap(octets: bytes | memoryview, most: int) -> bytes:
    """Inflate one block, or the blocks of Java's framing; each tells its length first."""
    if bytes(octets[: len(_XERIAL)]) != _XERIAL:
        return _block(octets, most)
    parts = []
    left = most
    at = _XERIAL_HEADER
    while at < len(octets):
        end = at + _XERIAL_BLOCK.size
        if end <= len(octets):
            end += _XERIAL_BLOCK.unpack_from(octets, at)[0]
        if end > len(octets):
            raise DamagedError("no snappy: it ends too early")
        parts.append(_block(octets[at + _XERIAL_BLOCK.size : end], left))
        left -= len(parts[-1])
        at = end
    return b"".join(parts)


def _block(octets: bytes | memoryview, most: int) -> bytes:
    if cramjam.snappy.decompress_raw_len(octets) > most:
        raise InflatesTooFarError
    return bytes(cramjam.snappy.decompress_raw(octets))
