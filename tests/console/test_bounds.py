"""Requests that are too large, too slow, too many or no requests at all."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from slotkeeper.console import Address, Metrics, http, serve
from slotkeeper.errors import ConfigurationError


@asynccontextmanager
async def console(free_port: int) -> AsyncIterator[None]:
    async with serve(Address("127.0.0.1", free_port), Metrics()):
        yield


@pytest.fixture
def port(unused_tcp_port: int) -> int:
    return unused_tcp_port


async def answer_to(port: int, octets: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(octets)
        return await reader.read()
    finally:
        writer.close()


async def test_before_the_worker_begins_it_is_alive_and_not_ready(port: int) -> None:
    async with console(port):
        assert b" 200 OK\r\n" in await answer_to(port, b"GET /livez HTTP/1.1\r\n\r\n")
        told = await answer_to(port, b"GET /readyz HTTP/1.1\r\n\r\n")
        assert b" 503 " in told
        assert b"the streams are not open yet" in told
        assert b"slotkeeper_build_info" in await answer_to(port, b"GET /metrics HTTP/1.0\r\n\r\n")


async def test_a_head_that_is_too_large_is_refused(port: int) -> None:
    async with console(port):
        begun = b"GET /livez HTTP/1.1\r\nCookie: "
        assert b" 431 " in await answer_to(port, begun + b"x" * http.HEAD_BYTES)


@pytest.mark.parametrize(
    "octets", [b"\r\n\r\n", b"GET /livez\r\n\r\n", b"GET /livez SSH-2\r\n\r\n", b"\x16\x03\r\n\r\n"]
)
async def test_what_is_no_request_is_refused(port: int, octets: bytes) -> None:
    async with console(port):
        assert (await answer_to(port, octets)).startswith(b"HTTP/1.1 400 ")


async def test_who_does_not_finish_a_request_is_left(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "REQUEST_S", 0.05)
    async with console(port):
        assert await answer_to(port, b"GET /livez HTT") == b""


async def test_too_many_are_turned_away_and_the_next_is_served(port: int) -> None:
    async with console(port):
        waiting = [
            await asyncio.open_connection("127.0.0.1", port) for _ in range(http.CONNECTIONS)
        ]
        with pytest.raises(ConnectionError):
            await turned_away(port)
        for _, writer in waiting:
            writer.close()
        for reader, _ in waiting:
            await reader.read()
        assert b" 200 OK" in await answer_to(port, b"GET /livez HTTP/1.1\r\n\r\n")


async def test_an_end_does_not_wait_for_who_is_silent(port: int) -> None:
    async with console(port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        # Answered, so the one before it was accepted as well.
        await answer_to(port, b"GET /livez HTTP/1.1\r\n\r\n")
    assert await reader.read() == b""
    writer.close()


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:9464", Address("127.0.0.1", 9464)),
        ("localhost:0", Address("localhost", 0)),
        ("[::1]:9464", Address("::1", 9464)),
    ],
)
def test_addresses(text: str, address: Address) -> None:
    assert Address.parse(text) == address


@pytest.mark.parametrize("text", ["9464", ":9464", "localhost:", "localhost:65536", "a:٣"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"http\.listen"):
        Address.parse(text)


async def turned_away(port: int) -> None:
    if not await answer_to(port, b"GET /livez HTTP/1.1\r\n\r\n"):
        raise ConnectionResetError
