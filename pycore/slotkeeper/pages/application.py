"""The application: every route with its twin, behind the gate."""

import hmac
from collections.abc import Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from slotkeeper.errors import SlotkeeperError
from slotkeeper.looks.pages import stylesheet
from slotkeeper.streams import StreamsError

from .access_log import AccessLog
from .answering import JSON, Writer
from .desk import Desk
from .downloads import Downloads
from .gate import COOKIE, Gate, Identity, Known, token_of
from .links import LONGEST_MS, Links
from .openapi import described
from .route import Ask, DownloadRoute, GoToError, NotThereError, PageRoute, Refused, Who, allowed
from .routes import DOWNLOADS, PAGES

_STATIC = Path(__file__).parent / "static"

MAX_FIELDS = 100
"""Of a form."""


def application(
    desk: Desk,
    identity: Identity,
    log: AccessLog,
    *,
    hosts: Sequence[str],
    links: Links | None,
) -> ASGIApp:
    """Make the application.

    Args:
        desk: What pages are made of.
        identity: Says who asks.
        log: Of who asked for what.
        hosts: What a request may call us; empty: anything.
        links: That begin sessions; None where a proxy names persons.
    """
    writer = Writer(PAGES, desk.clock, signs_out=links is not None)
    answers = _Answers(desk, writer)
    routes: list[Route] = []
    for page in PAGES:
        routes += answers.routes_of(page)
    for download in DOWNLOADS:
        routes.append(Route(download.path, answers.download(download)))
    routes += [
        Route("/openapi.json", answers.openapi),
        Route("/static/looks.css", answers.stylesheet),
        Route("/static/console.js", answers.script),
    ]
    if links is not None:
        sessions = _Sessions(links, writer)
        routes += [
            Route("/session/{token}", sessions.begin),
            Route("/sign-out", sessions.end, methods=["POST"]),
        ]

    async def refused(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        return writer.refusal(HTTPStatus(status), request.url.path)

    inner = Starlette(routes=routes, exception_handlers={HTTPException: refused})
    # A path that ends in a slash is no other name of a page.
    inner.router.redirect_slashes = False
    return Gate(inner, identity, log, hosts=hosts, refuse=writer.refusal)


class _Answers:
    """Answers for pages and files, each worked out on a thread of its own."""

    def __init__(self, desk: Desk, writer: Writer) -> None:
        self._desk, self._writer = desk, writer
        self._downloads = Downloads(writer.refusal)

    def routes_of(self, page: PageRoute) -> list[Route]:
        """Give the routes of a page; the twin comes first, since a parameter would match it."""
        methods = ["GET", "POST"] if page.posts else ["GET"]
        found = [Route(page.twin, self._answer(page, as_json=True), methods=methods)]
        if page.table is not None:
            found.append(Route(page.csv, self._csv(page)))
        return [*found, Route(page.path, self._answer(page, as_json=False), methods=methods)]

    def _answer(self, page: PageRoute, *, as_json: bool) -> Any:  # noqa: ANN401
        async def answer(request: Request) -> Response:
            ask, known = await self._asked(request, page.who)

            def worked_out() -> Response:
                answered = page.answer(self._desk, ask)
                said = answered.said if isinstance(answered, Refused) else answered
                made = (
                    self._writer.twin(said)
                    if as_json
                    else self._writer.page(page, said, known, request.url.path)
                )
                if isinstance(answered, Refused):
                    made.status_code = answered.status
                return made

            return await _in_thread(worked_out)

        return answer

    def _csv(self, page: PageRoute) -> Any:  # noqa: ANN401
        async def answer(request: Request) -> ASGIApp:
            ask, _ = await self._asked(request, page.who)
            make = page.table
            if make is None:
                raise HTTPException(404)
            name = request.url.path.strip("/").removesuffix(".csv").replace("/", "-")
            found = await _in_thread(lambda: self._writer.table(make(self._desk, ask), name))
            return self._downloads.counted(found)

        return answer

    def download(self, route: DownloadRoute) -> Any:  # noqa: ANN401
        """Answer with a file."""

        async def answer(request: Request) -> ASGIApp:
            ask, _ = await self._asked(request, route.who)
            found = await _in_thread(lambda: self._writer.file(route.answer(self._desk, ask)))
            return self._downloads.counted(found)

        return answer

    async def openapi(self, request: Request) -> Response:
        """Describe the twins."""
        del request
        return Response(described(PAGES, DOWNLOADS), media_type=JSON)

    async def stylesheet(self, request: Request) -> Response:
        """Give the looks, with what only pages of the console have."""
        del request
        more = (_STATIC / "console.css").read_text()
        return Response(f"{stylesheet()}\n{more}", media_type="text/css; charset=utf-8")

    async def script(self, request: Request) -> Response:
        """Give the script, without which every page works as well."""
        del request
        text = (_STATIC / "console.js").read_text()
        return Response(text, media_type="text/javascript; charset=utf-8")

    async def _asked(self, request: Request, who: Who) -> tuple[Ask, Known]:
        known: Known = request.scope["state"]["known"]
        if not allowed(who, known.person):
            raise HTTPException(HTTPStatus.FORBIDDEN)
        form: dict[str, str] = {}
        files: dict[str, bytes] = {}
        if request.method == "POST":
            form, files = await _posted(request)
            if not hmac.compare_digest(form.pop("csrf", "").encode(), known.csrf.encode()):
                raise HTTPException(HTTPStatus.FORBIDDEN)
        ask = Ask(
            person=known.person,
            path=request.path_params,
            query=dict(request.query_params),
            form=form,
            files=files,
            now=datetime.fromtimestamp(self._desk.clock() / 1_000, UTC),
        )
        return ask, known


class _Sessions:
    """The beginning and the end of a person's stay."""

    def __init__(self, links: Links, writer: Writer) -> None:
        self._links, self._writer = links, writer

    async def begin(self, request: Request) -> Response:
        """Follow a link, which is used up by that."""
        token = self._links.follow(request.path_params["token"])
        if token is None:
            return self._writer.refusal(HTTPStatus.UNAUTHORIZED, "/session/")
        answer = RedirectResponse("/", status_code=303)
        # Without Secure: a browser would not bring it back to http://127.0.0.1.
        answer.set_cookie(
            COOKIE, token, max_age=LONGEST_MS // 1_000, path="/", httponly=True, samesite="strict"
        )
        return answer

    async def end(self, request: Request) -> Response:
        """Sign out."""
        known: Known = request.scope["state"]["known"]
        form, _ = await _posted(request)
        if not hmac.compare_digest(form.get("csrf", "").encode(), known.csrf.encode()):
            raise HTTPException(HTTPStatus.FORBIDDEN)
        self._links.end(token_of(request.headers))
        answer = self._writer.refusal(HTTPStatus.UNAUTHORIZED, "/")
        answer.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
        answer.status_code = HTTPStatus.OK
        return answer


async def _posted(request: Request) -> tuple[dict[str, str], dict[str, bytes]]:
    fields: dict[str, str] = {}
    files: dict[str, bytes] = {}
    async with request.form(max_files=1, max_fields=MAX_FIELDS) as form:
        for name, value in form.multi_items():
            if isinstance(value, UploadFile):
                files[name] = await value.read()
            else:
                fields[name] = value
    return fields, files


async def _in_thread(make: Any) -> Response:  # noqa: ANN401
    try:
        answer: Response = await run_in_threadpool(make)
    except NotThereError:
        raise HTTPException(HTTPStatus.NOT_FOUND) from None
    except GoToError as to:
        return RedirectResponse(to.path, status_code=303)
    except (StreamsError, TimeoutError, SlotkeeperError):
        raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE) from None
    return answer
