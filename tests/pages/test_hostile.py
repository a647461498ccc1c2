"""Who is let in is hostile too: what is odd, endless or slow costs nobody else anything."""

import asyncio
import select
import socket
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import orjson
import pytest
import uvicorn
from starlette.responses import Response
from uvicorn.server import ServerState

from slotkeeper.pages import gate, patience
from slotkeeper.pages.downloads import MOST, Downloads
from slotkeeper.pages.patience import ImpatientProtocol
from slotkeeper.pages.pictures import tree
from slotkeeper.pages.routes import DOWNLOADS, PAGES
from slotkeeper.pages.views.decision import decoded_of

from .conftest import CSRF, Console
from .waiting import PATIENCE_S

ODD = (
    "\0",
    "\x1b[31m",
    "'; DROP TABLE device; --",
    "%",
    "../../etc/passwd",
    "{{7*7}}",
    "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"),
    "١٢٣",
    "9" * 40,
    "-1",
    "1e9",
    "a" * 300,
    "\u202eevil",
    "NaN",
    "=1+1",
)
"""As values of every parameter."""


def paths() -> Iterator[str]:
    for path in [*(one.path for one in PAGES), *(one.path for one in DOWNLOADS)]:
        names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
        for odd in ODD:
            if names:
                yield path.format(**dict.fromkeys(names, quote(odd, safe="")))
    for page in PAGES:
        if "{" in page.path or not page.parameters:
            continue
        for odd in ODD:
            told = "&".join(f"{one.name}={quote(odd)}" for one in page.parameters)
            yield from (f"{page.path}?{told}", f"{page.twin}?{told}")


def test_nothing_odd_in_a_path_or_a_query_is_a_fault(dcc: Console) -> None:
    for path in paths():
        answer = dcc.http.get(path)
        assert answer.status_code in (200, 303, 404, 414), f"{path}: {answer.status_code}"
        assert "\x1b" not in answer.text
        assert "\0" not in answer.text
        assert "<td>49" not in answer.text


def test_nothing_odd_in_a_form_is_a_fault(dcc: Console) -> None:
    for odd in ODD:
        for path, name in (("/find", "wanted"), ("/reports", "as_of")):
            answer = dcc.post(path, data={name: odd})
            assert answer.status_code == 200, f"{path} {odd!r}"
            assert "\x1b" not in answer.text


@pytest.mark.parametrize("depth", [30, 240, 1_000, 2_000])
def test_a_record_of_any_depth_has_its_pages(depth: int) -> None:
    """Its octets are shown, and its members where a page can be made of them."""
    value = b'{"a":' + b"[" * depth + b"1" + b"]" * depth + b"}"
    octets, decoded, _ = decoded_of(value)
    assert octets == value
    shallow = depth == 30
    assert (decoded is not None) == shallow
    assert ("<code>1</code>" in tree(decoded or {})) == shallow
    assert orjson.dumps(decoded)


def test_forms_of_another_making_are_refused(dcc: Console) -> None:
    token = CSRF.search(dcc.get("/find").text)
    assert token is not None
    many = {f"f{number}": "x" for number in range(200)}
    for given in (
        {"json": {"csrf": token[1], "wanted": "GNO-1"}},
        {"data": {"csrf": token[1], **many}},
        {"data": {"csrf": token[1]}, "files": [("a", b"1"), ("b", b"2")]},
        {"content": b"--x", "headers": {"content-type": "multipart/form-data; boundary=x"}},
        {"content": b"x", "headers": {"content-type": "multipart/form-data"}},
        {"content": b"%", "headers": {"content-type": "application/x-www-form-urlencoded"}},
    ):
        answer = dcc.http.post("/find", **given)
        assert answer.status_code in (400, 403), given
    # A token of the query is no token of the form.
    assert dcc.http.post(f"/find?csrf={token[1]}", data={"wanted": "x"}).status_code == 403


def raw(dcc: Console, octets: bytes) -> bytes:
    """Send octets as they are; give what comes back until the end."""
    host, _, port = dcc.base.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port))) as one:
        one.sendall(octets)
        one.shutdown(socket.SHUT_WR)
        found = b""
        while piece := one.recv(65_536):
            found += piece
        return found


def test_requests_that_two_could_read_differently_are_refused(dcc: Console) -> None:
    host = dcc.base.removeprefix("http://").encode()
    cookie = f"slotkeeper_session={dcc.http.cookies['slotkeeper_session']}".encode()
    head = b"POST /find HTTP/1.1\r\nHost: " + host + b"\r\nCookie: " + cookie + b"\r\n"
    smuggled = b"GET /workers HTTP/1.1\r\nHost: " + host + b"\r\nCookie: " + cookie + b"\r\n\r\n"
    for more in (
        b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcde",
        b"Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled,
        b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        b"Host: evil.example\r\n\r\n",
        b" folded: x\r\nContent-Length: 0\r\n\r\n",
        b"X-Long: " + b"a" * 40_000 + b"\r\n\r\n",
    ):
        answer = raw(dcc, head + more)
        assert b" 200 " not in answer.split(b"\r\n")[0], more[:40]
        assert b"partitions" not in answer.lower(), more[:40]


@pytest.mark.parametrize(
    "header",
    ["X-Forwarded-User", "X-Forwarded-Email", "X_Forwarded_User", "GAP-Auth", "Forwarded"],
)
def test_no_header_names_a_person_where_links_do(dcc: Console, header: str) -> None:
    answer = httpx.get(
        f"{dcc.base}/index.json", headers={header: "ann@example.org"}, timeout=PATIENCE_S
    )
    assert answer.status_code == 401
    forwarded = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"}
    assert "evil.example" not in dcc.http.get("/", headers=forwarded).text


def test_a_head_that_does_not_end_closes_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time is the event loop's own: nothing here waits for it."""

    async def closes(*pieces: bytes) -> bool:
        loop = asyncio.get_running_loop()
        calls: list[Any] = []
        monkeypatch.setattr(loop, "call_later", lambda after, call, *_: _Timer(calls, after, call))
        protocol, transport = _protocol(loop), _Transport()
        protocol.connection_made(transport)  # type: ignore[arg-type]
        for piece in pieces:
            protocol.data_received(piece)
        # Whoever asked is answered.
        await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})
        due = [call for after, call in calls if after == patience.HEAD_S]
        for call in due:
            call()
        return transport.aborted

    assert asyncio.run(closes())
    assert asyncio.run(closes(b"GET / HTTP/1.1\r\n", b"Host: a\r\n", b"X"))
    assert not asyncio.run(closes(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"))


def test_a_body_that_does_not_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "BODY_S", 0.0)

    async def never() -> dict[str, Any]:
        await asyncio.Event().wait()
        raise AssertionError

    async def answered() -> int:
        sent: list[Any] = []

        async def send(message: Any) -> None:  # noqa: ANN401
            sent.append(message)

        made = gate.Gate(
            _never_called,
            _Nobody(),
            _Log(),  # type: ignore[arg-type]
            hosts=[],
            refuse=lambda status, _: plain(status),
        )
        scope = {"type": "http", "method": "POST", "path": "/find", "raw_path": b"/find"}
        await made({**scope, "query_string": b"", "headers": []}, never, send)
        status: int = sent[0]["status"]
        return status

    assert asyncio.run(answered()) == 408


def test_a_few_downloads_go_on_at_once_and_those_that_ended_make_room() -> None:
    async def counted() -> list[int]:
        going = asyncio.Event()
        begun: list[int] = []

        class Slow:
            async def __call__(self, *_: object) -> None:
                begun.append(200)
                await going.wait()

        def refuse(status: int, _path: str) -> Any:  # noqa: ANN401
            async def answer(*_: object) -> None:
                begun.append(int(status))

            return answer

        downloads = Downloads(refuse)

        async def one() -> None:
            answer = downloads.counted(Slow())  # type: ignore[arg-type]
            await answer({"path": "/devices.csv"}, None, None)  # type: ignore[arg-type]

        first = [asyncio.create_task(one()) for _ in range(MOST)]
        await asyncio.sleep(0)
        await one()
        going.set()
        first[0].cancel()
        await asyncio.gather(*first, return_exceptions=True)
        await one()
        return begun

    assert asyncio.run(counted()) == [200] * MOST + [429, 200]


def test_pages_are_answered_while_connections_that_say_nothing_wait(dcc: Console) -> None:
    host, _, port = dcc.base.removeprefix("http://").partition(":")
    silent = [socket.create_connection((host, int(port))) for _ in range(50)]
    try:
        for one in silent:
            one.sendall(b"GET / HTTP/1.1\r\nHost: ")
        assert dcc.get("/find").status_code == 200
        # Nobody was answered or sent away for it.
        assert select.select(silent, [], [], 0)[0] == []
    finally:
        for one in silent:
            one.close()


def test_many_at_once_are_all_answered(dcc: Console) -> None:
    found: list[int] = []

    def ask() -> None:
        answer = dcc.http.get("/devices.json?sort=-due_on")
        found.append(answer.status_code)

    everybody = [threading.Thread(target=ask) for _ in range(30)]
    for one in everybody:
        one.start()
    for one in everybody:
        one.join()
    assert found == [200] * 30


class _Timer:
    def __init__(self, calls: list[Any], after: float, call: Any) -> None:  # noqa: ANN401
        self._calls, self._own = calls, (after, call)
        calls.append(self._own)

    def cancel(self) -> None:
        if self._own in self._calls:
            self._calls.remove(self._own)


class _Transport:
    aborted = False

    def abort(self) -> None:
        self.aborted = True

    def get_extra_info(self, _name: str) -> None:
        return None

    def is_closing(self) -> bool:
        return False

    def write(self, _octets: bytes) -> None:
        return None

    def close(self) -> None:
        return None


def _protocol(loop: asyncio.AbstractEventLoop) -> ImpatientProtocol:
    config = uvicorn.Config(_answers, http=ImpatientProtocol, ws="none", lifespan="off")
    config.load()
    return ImpatientProtocol(config, ServerState(), {}, loop)


async def _answers(_scope: object, _receive: object, send: Any) -> None:  # noqa: ANN401
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def _never_called(*_: object) -> None:
    await asyncio.Event().wait()


class _Nobody:
    def known(self, *_: object) -> None:
        return None


class _Log:
    def note(self, **_: object) -> None:
        return None


def plain(status: int) -> Response:
    return Response(status_code=status)
