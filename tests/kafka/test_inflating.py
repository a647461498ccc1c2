"""Compressed octets: inflated within a bound, or refused by an error that says which."""

import gzip
import struct

import cramjam
import pytest
from aiokafka.codec import lz4_encode, snappy_encode, zstd_encode
from aiokafka.errors import UnsupportedCodecError
from hypothesis import given
from hypothesis import strategies as st
from tests.kafka.raw_batches import CODECS, COMPRESS

from slotkeeper.streams import WrongUseError
from slotkeeper.streams.kafka import inflating
from slotkeeper.streams.kafka.errors import judged
from slotkeeper.streams.kafka.inflating import DamagedError, InflatesTooFarError, inflate

MOST = 100_000


def raw_snappy(octets: bytes) -> bytes:
    return bytes(snappy_encode(octets, xerial_compatible=False))


def gzip_of_members(octets: bytes) -> bytes:
    return gzip.compress(octets[:9]) + gzip.compress(octets[9:])


def streamed_zstd(octets: bytes) -> bytes:
    compressor = cramjam.zstd.Compressor()
    compressor.compress(octets)
    return bytes(compressor.finish())


FORMS = {
    "gzip": (1, gzip.compress),
    "gzip of several members": (1, gzip_of_members),
    "snappy of Java": (2, snappy_encode),
    "snappy": (2, raw_snappy),
    "lz4": (3, lz4_encode),
    "zstd": (4, zstd_encode),
    "zstd that does not tell its length": (4, streamed_zstd),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("length", [0, 1, 1000, MOST - 1, MOST])
def test_what_fits_comes_out(form: str, length: int) -> None:
    codec, compress = FORMS[form]
    octets = bytes(at * at % 251 for at in range(length))
    assert inflate(codec, compress(octets), MOST) == octets
    assert inflate(codec, memoryview(compress(octets)), MOST) == octets


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("length", [MOST + 1, 50 * MOST])
def test_what_does_not_fit_is_refused(form: str, length: int) -> None:
    codec, compress = FORMS[form]
    with pytest.raises(InflatesTooFarError):
        inflate(codec, compress(bytes(length)), MOST)


@pytest.mark.parametrize("form", FORMS)
def test_half_of_it_is_damaged(form: str) -> None:
    codec, compress = FORMS[form]
    octets = compress(bytes(at * at % 251 for at in range(10_000)))
    with pytest.raises(DamagedError):
        inflate(codec, octets[: len(octets) // 2], MOST)


@given(codec=st.sampled_from(sorted(CODECS.values())), octets=st.binary(max_size=300))
def test_any_octets_are_inflated_or_refused(codec: int, octets: bytes) -> None:
    try_to_inflate(codec, octets)


@given(
    codec=st.sampled_from(sorted(CODECS.values())),
    octets=st.binary(max_size=300),
    changes=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=4),
)
def test_any_change_is_inflated_or_refused(
    codec: int, octets: bytes, changes: list[tuple[int, int]]
) -> None:
    packed = bytearray(COMPRESS[codec](octets * 50))
    for at, octet in changes:
        packed[at % len(packed)] = octet
    try_to_inflate(codec, bytes(packed))


def try_to_inflate(codec: int, octets: bytes) -> None:
    try:
        inflated = inflate(codec, octets, MOST)
    except (DamagedError, InflatesTooFarError):
        return
    assert len(inflated) <= MOST


def test_gzip_of_very_many_members_is_damaged() -> None:
    with pytest.raises(DamagedError, match="members"):
        inflate(1, gzip.compress(b"a") * 1000, MOST)


def test_a_block_of_snappy_that_claims_more_than_there_is_takes_no_room() -> None:
    claim = b"\xff\xff\xff\xff\x0f"
    with pytest.raises(InflatesTooFarError):
        inflate(2, claim, MOST)
    with pytest.raises(InflatesTooFarError):
        inflate(2, snappy_encode(b"")[:16] + struct.pack(">I", len(claim)) + claim, MOST)


@pytest.mark.parametrize("codec", [5, 6, 7])
def test_an_unknown_codec_is_told_to_a_person(codec: int) -> None:
    with pytest.raises(UnsupportedCodecError) as refused:
        inflate(codec, b"", MOST)
    told = judged(refused.value, "the records were not read")
    assert isinstance(told, WrongUseError)
    assert f"codec {codec}" in str(told)
    assert "install" in str(told)


@pytest.mark.parametrize("codec", [2, 3, 4])
def test_a_missing_library_is_told_to_a_person(codec: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inflating, "cramjam", None)
    with pytest.raises(UnsupportedCodecError, match="pip install cramjam"):
        inflate(codec, b"", MOST)


def test_gzip_needs_no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inflating, "cramjam", None)
    assert inflate(1, gzip.compress(b"a"), MOST) == b"a"
