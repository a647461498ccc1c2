"""``python -m tests.pages.album --to DIR``: every page as people see it, for somebody to look at.

A test can tell that a page fits its window and has contrast enough; whether it is pleasant, only a
person can. This makes a site, serves it, and photographs each page whole: wide and narrow, light
and dark, at 400 % and as it is printed.
"""

import argparse
import base64
import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
from selenium import webdriver

from slotkeeper.cli.demo.site import furnish
from slotkeeper.cli.output import note, progress
from slotkeeper.pages.routes import PAGES

from .browser import Visitor, drivers
from .conftest import DEVICES, Console, started
from .test_routes import example
from .waiting import PATIENCE_S

TALLEST = 8_000
"""Pixels of a picture: a longer page is cut."""


@dataclass(frozen=True, slots=True)
class Form:
    """A way to look at a page: width in pixels, colours, screen or paper, and enlargement."""

    width: int
    scheme: str = "light"
    media: str = "screen"
    scale: int = 1


FORMS = {
    "wide": Form(1400),
    "wide-dark": Form(1400, "dark"),
    "narrow": Form(360),
    "narrow-dark": Form(360, "dark"),
    # 1,280 px at 400 %.
    "enlarged": Form(320, scale=4),
    # A4 within its margins, at 96 px to the inch.
    "print": Form(718, media="print"),
}


def main() -> None:
    """Photograph."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--to", type=Path, required=True)
    parser.add_argument("--site", type=Path, help="made before, or made now and kept")
    parser.add_argument("--role", default="DCC")
    parser.add_argument("--form", choices=list(FORMS), nargs="+", default=list(FORMS))
    parser.add_argument("--page", nargs="+", help="paths of routes, such as /devices/{device}")
    given = parser.parse_args()
    given.to.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        folder = given.site or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        _furnished(folder)
        console = stack.enter_context(_served(folder, given.role))
        for driver in drivers(given.to):
            driver.get(console.link)
            cookie = driver.get_cookie("slotkeeper_session")
            assert cookie is not None
            console.http.cookies.set("slotkeeper_session", cookie["value"], domain="127.0.0.1")
            for page in PAGES:
                if given.page and page.path not in given.page:
                    continue
                try:
                    path = example(console, page.path)
                except (AssertionError, IndexError):
                    note(f"{page.path}: nothing to show")
                    continue
                for form in given.form:
                    name = page.path.strip("/").translate({ord(one): "-" for one in "/{}"})
                    file = given.to / f"{name.strip('-') or 'overview'}.{form}.png"
                    photograph(driver, Visitor(driver, console.base), path, FORMS[form], file)


def photograph(
    driver: webdriver.Chrome, visitor: Visitor, path: str, form: Form, file: Path
) -> None:
    """Take a picture of a whole page."""
    driver.execute_cdp_cmd(
        "Emulation.setEmulatedMedia",
        {
            "media": form.media,
            "features": [{"name": "prefers-color-scheme", "value": form.scheme}],
        },
    )
    visitor.width(form.width)
    visitor.open(path)
    tall = driver.execute_script("return document.documentElement.scrollHeight")
    clip = {"x": 0, "y": 0, "width": form.width, "height": min(tall, TALLEST), "scale": form.scale}
    if form.scale > 1:
        clip["height"] = min(tall, 2 * 900)
    told = driver.execute_cdp_cmd(
        "Page.captureScreenshot", {"captureBeyondViewport": True, "clip": clip}
    )
    file.write_bytes(base64.b64decode(told["data"]))


def _furnished(folder: Path) -> None:
    if (folder / "slots").exists():
        return
    with progress("making the fleet") as advance:
        today = datetime.now(UTC).date()
        furnish(folder, devices=DEVICES, seed="pages", today=today, advance=advance)


@contextlib.contextmanager
def _served(folder: Path, role: str) -> Iterator[Console]:
    config = folder / "slotkeeper.toml"
    with started(folder, "--role", role, "--person", "ann", config=config) as (process, link):
        base = link.partition("/session/")[0]
        with httpx.Client(base_url=base, timeout=PATIENCE_S) as http:
            yield Console(base, link, folder, process, http)


if __name__ == "__main__":
    main()
