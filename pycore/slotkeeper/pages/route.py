"""What a page is: a path, who may see it, and a function from a question to what is said.

One function makes what a page says, for HTML, for its JSON twin and for CSV alike, so that they
cannot differ.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Generic, Literal, TypeAlias, TypeVar

from .desk import Desk
from .listing import Frozen
from .persons import Person

S_co = TypeVar("S_co", bound=Frozen, covariant=True)

Who: TypeAlias = Literal["everybody", "sees all", "acts"]
"""Whose page it is: everybody's, within what is their own; that of who sees everything; of who may
hand in acts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A question.

    Attributes:
        person: Who asks.
        path: The parameters of the path.
        query: Of the URL, each name once.
        form: What was posted, each name once.
        files: Octets that were uploaded, by field.
        now: The time.
    """

    person: Person
    path: Mapping[str, str]
    query: Mapping[str, str]
    form: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)
    now: datetime


class NotThereError(Exception):
    """There is no such thing, or it is not this person's: nobody is told which."""


class GoToError(Exception):
    """What was posted was done: the browser shall look at another page."""

    def __init__(self, path: str) -> None:
        """Name the page."""
        super().__init__(path)
        self.path = path


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused(Generic[S_co]):
    """A page that says why what was posted was not done.

    Attributes:
        said: The page, with the error in it.
        status: 409: what was posted does not fit how things stand now; 422: it is at fault itself.
    """

    said: S_co
    status: HTTPStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Octets:
    """A download.

    Attributes:
        name: Of the file.
        content_type: Of its octets.
        parts: A file, or its octets piece by piece.
    """

    name: str
    content_type: str
    parts: Path | Iterator[bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A parameter of the query.

    Attributes:
        name: In the query.
        told: What it is for.
    """

    name: str
    told: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRoute:
    """A page with its twin.

    Attributes:
        path: With parameters in braces.
        name: What it is called where it is linked.
        told: What it is for, in a sentence.
        answer: Makes what is said.
        says: The type of that.
        template: That shows it.
        who: May see it.
        parameters: Of the query.
        posts: It answers a form as well, by the same function.
        table: Makes CSV of the page's table; None if it has none.
        listed: It stands in the navigation.
    """

    path: str
    name: str
    told: str
    answer: Callable[[Desk, Ask], Frozen | Refused[Frozen]]
    says: type[Frozen]
    template: str
    who: Who = "everybody"
    parameters: tuple[Parameter, ...] = ()
    posts: bool = False
    table: Callable[[Desk, Ask], Iterator[bytes]] | None = None
    listed: bool = False

    @property
    def twin(self) -> str:
        """The path of the same in JSON."""
        return "/index.json" if self.path == "/" else f"{self.path}.json"

    @property
    def csv(self) -> str:
        """The path of the page's table as CSV."""
        return f"{self.path}.csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadRoute:
    """A file."""

    path: str
    told: str
    answer: Callable[[Desk, Ask], Octets]
    who: Who = "everybody"


def allowed(who: Who, person: Person) -> bool:
    """Say whether a page is this person's at all."""
    return who == "everybody" or (person.sees_all if who == "sees all" else person.may_act)
