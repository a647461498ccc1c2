"""From what a page says to an answer: HTML, JSON, CSV, a file, an error."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import orjson
from starlette.responses import FileResponse, Response, StreamingResponse

from slotkeeper.looks.pages import environment

from .gate import Known
from .listing import Listing
from .pictures import (
    Glosses,
    apart,
    burn_down,
    commands,
    course_lines,
    finding_bars,
    month_columns,
    since,
    tree,
)
from .route import Octets, PageRoute, allowed

HTML, JSON, CSV = "text/html; charset=utf-8", "application/json", "text/csv; charset=utf-8"

_TEMPLATES = Path(__file__).parent / "templates"

_SENTENCES: Mapping[HTTPStatus, str] = {
    HTTPStatus.UNAUTHORIZED: "Nobody is signed in. Follow the link that the console printed when "
    "it started; it works once, for an hour. Its terminal prints another one when it gets SIGUSR1.",
    HTTPStatus.FORBIDDEN: "This is not open to your role.",
    HTTPStatus.NOT_FOUND: "There is nothing here that you may see.",
    HTTPStatus.METHOD_NOT_ALLOWED: "A page is read with GET; only forms are posted.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "That is too long.",
    HTTPStatus.REQUEST_URI_TOO_LONG: "That is too long.",
    HTTPStatus.MISDIRECTED_REQUEST: "The console was called by a name that is not its own.",
    HTTPStatus.REQUEST_TIMEOUT: "What was sent did not come in time.",
    HTTPStatus.TOO_MANY_REQUESTS: "Several files are being downloaded already. Try again when one "
    "of them is done.",
    HTTPStatus.SERVICE_UNAVAILABLE: "The streams or the tables do not answer now. Nothing was "
    "changed; try again in a minute.",
}


class Writer:
    """Makes answers; one for the life of the console."""

    def __init__(
        self, routes: tuple[PageRoute, ...], clock: Callable[[], int], *, signs_out: bool
    ) -> None:
        """Prepare the templates.

        Args:
            routes: Whose listed ones stand in the navigation.
            clock: Milliseconds since 1970 UTC.
            signs_out: Sessions are ours; a proxy ends its own.
        """
        self._listed = [route for route in routes if route.listed]
        self._clock = clock
        self._pages = environment(_TEMPLATES)
        given: dict[str, Any] = {
            "listing_url": _listing_url,
            "path": _path,
            "finding_bars": finding_bars,
            "course_lines": course_lines,
            "month_columns": month_columns,
            "burn_down": burn_down,
            "tree": tree,
            "apart": apart,
            "signs_out": signs_out,
        }
        self._pages.globals |= given
        self._pages.filters |= {"pretty": _pretty, "since": since, "commands": commands}

    def page(self, route: PageRoute, said: Any, known: Known, at: str) -> Response:  # noqa: ANN401
        """Show what a page says.

        Args:
            route: The page.
            said: Of the type that the route names.
            known: Who asked.
            at: The path that was asked for.
        """
        text = self._pages.get_template(route.template).render(
            it=said,
            page=route,
            known=known,
            listed=[one for one in self._listed if allowed(one.who, known.person)],
            at=at,
            twin="/index.json" if at == "/" else f"{at}.json",
            now=self._now(),
            gloss=Glosses(),
        )
        return Response(text, media_type=HTML)

    @staticmethod
    def twin(said: Any) -> Response:  # noqa: ANN401  # a model, whose own types say what it is
        """Give the same as JSON."""
        return Response(orjson.dumps(said.model_dump(mode="json")), media_type=JSON)

    @staticmethod
    def table(lines: Iterator[bytes], name: str) -> Response:
        """Give the rows of a table as a file."""
        return StreamingResponse(lines, media_type=CSV, headers=_attachment(f"{name}.csv"))

    @staticmethod
    def file(octets: Octets) -> Response:
        """Give a download."""
        headers = _attachment(octets.name)
        if isinstance(octets.parts, Path):
            return FileResponse(octets.parts, media_type=octets.content_type, headers=headers)
        return StreamingResponse(octets.parts, media_type=octets.content_type, headers=headers)

    def refusal(self, status: HTTPStatus, path: str) -> Response:
        """Say why nothing is given, in the form that was asked for."""
        sentence = _SENTENCES.get(status, status.description or status.phrase)
        if path.endswith((".json", ".csv")):
            told = {"status": int(status), "error": sentence}
            return Response(orjson.dumps(told), status_code=status, media_type=JSON)
        text = self._pages.get_template("refusal.html").render(
            status=int(status), phrase=status.phrase, sentence=sentence
        )
        return Response(text, status_code=status, media_type=HTML)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock() / 1_000, UTC)


def _attachment(name: str) -> dict[str, str]:
    return {"content-disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}"}


def _path(*parts: object) -> str:
    """Make a path of ours; what came from outside cannot leave it."""
    return "/" + "/".join(quote(str(part), safe=":") for part in parts)


def _listing_url(at: str, table: Listing, **changes: object) -> str:
    """Give the link to the same table otherwise sorted, filtered or paged."""
    query = {**table.query, **{name: str(value) for name, value in changes.items()}}
    told = urlencode({name: value for name, value in query.items() if value})
    return f"{at}?{told}" if told else at


def _pretty(value: object) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
