"""Requests that are too large, too slow, too many or no requests at all."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from slotkeeper.console import Address, Metrics, http, request, serve
from slotkeeper.errors import ConfigurationError

LIVEZ = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"


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
        assert b" 200 OK\r\n" in await answer_to(
            port, b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
        )
        told = await answer_to(port, b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b" 503 " in told
        assert b"the streams are not open yet" in told
        assert b"slotkeeper_build_info" in await answer_to(port, b"GET /metrics HTTP/1.0\r\n\r\n")


async def test_a_head_that_is_too_large_is_refused(port: int) -> None:
    async with console(port):
        begun = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nCookie: "
        assert b" 431 " in await answer_to(port, begun + b"x" * request.HEAD_BYTES)


@pytest.mark.parametrize(
    "octets",
    [
        b"\r\n\r\n",
        b"GET /livez\r\n\r\n",
        b"GET /livez SSH-2\r\n\r\n",
        b"\x16\x03\r\n\r\n",
        b"GET /livez HTTP/1.1\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost : localhost\r\n\r\n",
        b"GET  /livez HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
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


async def test_it_is_alive_although_every_socket_is_held(port: int) -> None:
    async with console(port):
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(http.CONNECTIONS)]
        assert b" 200 OK" in await answer_to(port, LIVEZ)
        # The one that was there longest had to go, and no other.
        assert await held[0][0].read() == b""
        for reader, writer in held[1:]:
            writer.write(LIVEZ)
            assert b" 200 OK" in await reader.read()
        for _, writer in held:
            writer.close()


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1", 200),
        ("10.1.2.3:9464", 200),
        ("[::1]:9464", 200),
        ("localhost:9464", 200),
        ("LOCALHOST", 200),
        ("worker-0.slotkeeper", 200),
        ("example.com", 421),
        ("example.com:9464", 421),
        ("127.0.0.1.example.com", 421),
        ("localhost:x", 421),
        ("", 421),
    ],
)
async def test_by_which_names_it_may_be_called(port: int, host: str, status: int) -> None:
    async with serve(Address("127.0.0.1", port), Metrics(), ["Worker-0.slotkeeper"]):
        asked = f"GET /livez HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
        assert (await answer_to(port, asked)).startswith(f"HTTP/1.1 {status} ".encode())


async def test_only_what_reads_is_allowed(port: int) -> None:
    async with console(port):
        told = await answer_to(port, LIVEZ.replace(b"GET", b"POST"))
        assert told.startswith(b"HTTP/1.1 405 ")
        assert b"\r\nAllow: GET, HEAD\r\n" in told
        head = await answer_to(port, LIVEZ.replace(b"GET", b"HEAD"))
        assert head.endswith(b"\r\n\r\n")
        assert b"Content-Length: 6\r\n" in head


async def test_an_end_does_not_wait_for_who_is_silent(port: int) -> None:
    async with console(port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        # Answered, so the one before it was accepted as well.
        await answer_to(port, b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
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
