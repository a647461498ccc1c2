"""Saved answers of the SMKI Repository's search and retrieval, which are XML.

Their form is public for DCC Boxed alone; the production system's is taken to be the same. Serials
are hexadecimal, roles decimal, certificates base64 of DER.
"""

import base64
import binascii
from collections.abc import Callable, Iterator
from typing import BinaryIO
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from .asserted import Asserted
from .certificate_rows import CODES, Known, Told, certificate_told, serial_of
from .kinds import Held
from .records import MAX_RECORD, RefusedError
from .uniting import UNDATED

BY_SERIAL = "?/"
"""Begins the key of a row that names a certificate by its serial alone, as a search does."""

_ITEMS = {
    ("CertificateDataResponse", "CertificateResponse"),
    ("CertificateSearchResponse", "Result"),
}
_NAMES = {
    "CertificateSerial": "serial",
    "CertificateStatus": "status",
    "CertificateBody": "certificate",
    "CertificateRole": "role_code",
    "CertificateUsage": "key_usage",
    "CertificateSubjectName": "subject_eui64",
}
_DEPTH = 16
"""Of elements; an answer has three."""

_CHUNK = 65_536
_SILENCE = 1 << 20
"""Octets without an element beginning or ending: nothing that an answer has is so long."""


def answer_rows(
    file: BinaryIO, default: Asserted, known: Known, advance: Callable[[int], None]
) -> Iterator[tuple[int, Told | RefusedError]]:
    """Read the certificates of an answer, or of a search's result.

    Raises:
        RefusedError: The document cannot be read on from here, or is no answer.
    """
    seen = _Items()
    parser = DefusedXMLParser(target=seen, forbid_dtd=True)
    number = silent = 0
    try:
        while chunk := file.read(_CHUNK):
            before = seen.events
            # A saved answer may begin with a line break, which no XML may.
            parser.feed(chunk if before else chunk.lstrip())
            silent = 0 if seen.events > before else silent + len(chunk)
            if silent > _SILENCE:
                raise RefusedError(f"{_SILENCE} octets of XML without an element")
            advance(len(chunk))
            for item in seen.take():
                number += 1
                try:
                    yield number, _told(item, default, known)
                except RefusedError as refused:
                    yield number, refused
        parser.close()
    except DefusedXmlException:
        raise RefusedError("XML with a document type or entities is not read") from None
    except (ParseError, ValueError, LookupError) as error:
        if isinstance(error, RefusedError):
            raise
        raise RefusedError(f"no XML: {error}") from None
    if not seen.answer:
        raise RefusedError("no CertificateDataResponse and no CertificateSearchResponse")


def _told(item: dict[str, str], at: Asserted, known: Known) -> Told:
    if "too_long" in item:
        raise RefusedError(f"longer than {MAX_RECORD} octets")
    told = {name: item[tag].strip() for tag, name in _NAMES.items() if item.get(tag, "").strip()}
    if role := told.get("role_code"):
        if not role.isdecimal() or len(role) > 3:  # noqa: PLR2004  # 127 and 135 are the longest
            raise RefusedError("CertificateRole must be a number")
        told["role_code"] = f"{int(role):02X}"
    body = told.pop("certificate", None)
    if body is not None:
        return certificate_told(_der(body), told, at, known, from_repository=True)
    code = told.get("status")
    if code not in CODES:
        raise RefusedError(f"CertificateStatus must be one of {', '.join(CODES)}")
    key = BY_SERIAL + serial_of(told.get("serial"))
    return Told(key, {UNDATED: Held({"code": code}, *at)})


def _der(body: str) -> bytes:
    try:
        return base64.b64decode("".join(body.split()), validate=True)
    except (binascii.Error, ValueError):
        raise RefusedError("CertificateBody is no base64") from None


class _Items:
    """Keeps the texts of an item's elements, of one item at a time, and nothing else."""

    def __init__(self) -> None:
        self.events = 0
        self.answer = False
        self._open: list[str] = []
        self._item: dict[str, str] | None = None
        self._text: list[str] = []
        self._octets = 0
        self._done: list[dict[str, str]] = []

    def start(self, tag: str, _attributes: dict[str, str]) -> None:
        self.events += 1
        if len(self._open) == _DEPTH:
            raise RefusedError(f"XML of more than {_DEPTH} levels")
        self._open.append(tag.rpartition("}")[2])
        self._text = []
        self.answer = self.answer or self._open[-1] in {answer for answer, _ in _ITEMS}
        if tuple(self._open[-2:]) in _ITEMS:
            self._item, self._octets = {}, 0

    def data(self, text: str) -> None:
        if self._item is None:
            return
        self._octets += len(text)
        if self._octets <= MAX_RECORD:
            self._text.append(text)
        else:
            self._item["too_long"] = ""

    def end(self, _tag: str) -> None:
        self.events += 1
        at, name = tuple(self._open[-2:]), self._open.pop()
        if self._item is None:
            return
        if at in _ITEMS:
            self._done.append(self._item)
            self._item = None
        elif name in _NAMES:
            self._item[name] = "".join(self._text)
        self._text = []

    def close(self) -> None:
        """Nothing is left to be given."""

    def take(self) -> list[dict[str, str]]:
        done, self._done = self._done, []
        return done
