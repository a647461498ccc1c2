"""``VERIFY.md``: how a person checks a package with openssl and sha256sum, and what that proves."""

from importlib.resources import files

_PAGES = files("slotkeeper.slots.evidence") / "pages"
"""Blocks in them are run as they stand by the tests, in bash."""

_PARTS = ("signer", "message", "certified")
"""Pages have these in common, each where its name stands between two ``@``."""


def package_page() -> str:
    """Give the page of a package."""
    return _page("package")


def proof_page(device: str, rows: int) -> str:
    """Give the page of a proof of one device."""
    told = "one row" if rows == 1 else f"{rows} rows"
    return _page("proof").replace("@DEVICE@", device).replace("@ROWS@", told)


def _page(name: str) -> str:
    text = (_PAGES / f"{name}.md").read_text(encoding="utf-8")
    for part in _PARTS:
        text = text.replace(f"@{part.upper()}@\n", (_PAGES / f"{part}.md").read_text("utf-8"))
    return text
