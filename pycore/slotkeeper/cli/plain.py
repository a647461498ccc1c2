"""Nothing that came from outside reaches a terminal as anything but text.

Control characters (C0, DEL, C1) move the cursor, change the title or answer for the person; the
marks that order text of two directions, and those without width, show another text than there is;
half a surrogate pair cannot be written at all. All of them are shown escaped, whether or not the
output is a terminal, since a file is looked at in one later.
"""

import json as standard
import re
from collections.abc import Callable

import orjson

_BEYOND_C0 = (
    "\x7f-\x9f"  # DEL and C1
    "\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"  # order, width, separators
    "\ufff9-\ufffb\ud800-\udfff"  # interlinear marks, halves of surrogate pairs
    "\U000e0000-\U000e007f"  # tags
)
_IN_A_LINE = re.compile(f"[\x00-\x1f{_BEYOND_C0}]")
_IN_A_TEXT = re.compile(f"[\x00-\x08\x0b-\x1f{_BEYOND_C0}]")
_IN_JSON = re.compile(f"[{_BEYOND_C0}]")

_MAY_HOLD_ONE = re.compile(
    rb"\x7f|\xc2\xad|\xc2[\x80-\x9f]|\xd8\x9c|\xe1\xa0\x8e|\xe2[\x80\x81]|\xef\xbb|\xef\xbf[\xb9-\xbb]|\xf3\xa0|\xed[\xa0-\xbf]"
)
"""Octets of UTF-8 with which each of them is written: most lines have none and are left as they
are."""

_BEYOND_BMP = 0x1_0000


def line(text: str) -> str:
    """Give a text as one line: line breaks and tabs are escaped as well."""
    return _IN_A_LINE.sub(_escaped, text)


def text(text: str) -> str:
    """Give a text of several lines."""
    return _IN_A_TEXT.sub(_escaped, text)


def json_of(value: object, default: Callable[[object], object] | None = None) -> bytes:
    """Serialise to JSON for people and programs alike.

    Args:
        value: Of what JSON knows.
        default: Gives what stands for anything else.
    """
    try:
        octets = orjson.dumps(value, default=default)
    except TypeError:
        # A file's name that is no UTF-8 holds halves of surrogate pairs, which orjson refuses.
        octets = standard.dumps(value, default=default).encode()
    return json(octets)


def json(octets: bytes) -> bytes:
    """Give JSON of the same meaning; a serialiser has escaped what is below a space already."""
    if not _MAY_HOLD_ONE.search(octets):
        return octets
    return _IN_JSON.sub(_escaped_in_json, octets.decode(errors="surrogatepass")).encode()


def _escaped(found: re.Match[str]) -> str:
    number = ord(found[0])
    if number <= 0xFF:  # noqa: PLR2004  # two digits are enough
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < _BEYOND_BMP else f"\\U{number:08x}"


def _escaped_in_json(found: re.Match[str]) -> str:
    number = ord(found[0])
    if number < _BEYOND_BMP:
        return f"\\u{number:04x}"
    rest = number - _BEYOND_BMP
    # JSON has four digits: what is beyond them is a surrogate pair (RFC 8259, 7).
    return f"\\u{0xD800 + (rest >> 10):04x}\\u{0xDC00 + (rest & 0x3FF):04x}"
