"""A person at a browser: what they click, and what their browser asks for."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from .waiting import PATIENCE_S

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")


def drivers(downloads: Path) -> Iterator[webdriver.Chrome]:
    """Give a headless Chromium that can look up no name but this machine's."""
    if CHROMIUM is None or DRIVER is None:
        pytest.skip("no browser (apt-get install chromium chromium-driver)")
    options = Options()
    options.binary_location = CHROMIUM
    for one in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--window-size=1280,900",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    ):
        options.add_argument(one)
    options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    options.set_capability("goog:loggingPrefs", {"performance": "ALL"})
    driver = webdriver.Chrome(
        options=options, service=Service(DRIVER, log_output=subprocess.DEVNULL)
    )
    try:
        yield driver
    finally:
        driver.quit()


class Visitor:
    """Somebody who looks, types and clicks."""

    def __init__(self, driver: webdriver.Chrome, base: str) -> None:
        self.driver, self.base = driver, base
        self.clicks = 0

    def open(self, path: str = "/") -> None:
        """Begin anew at a page."""
        self.driver.get(f"{self.base}{path}")
        self.clicks = 0

    def click(self, text: str) -> None:
        """Click the first link or button with this text."""
        self.press(
            By.XPATH,
            f"//a[normalize-space()={json.dumps(text)}]"
            f"|//button[normalize-space()={json.dumps(text)}]",
        )

    def press(self, by: str, what: str) -> None:
        """Click an element."""
        self.driver.find_element(by, what).click()
        self.clicks += 1

    def type(self, name: str, text: str, *, enter: bool = False) -> None:
        """Write into a field."""
        field = self.driver.find_element(By.NAME, name)
        field.send_keys(text + (Keys.ENTER if enter else ""))

    def find(self, wanted: str) -> None:
        """Write into the field at the top of every page, and press the button beside it."""
        self.driver.find_element(By.ID, "quick").send_keys(wanted)
        self.press(By.CSS_SELECTOR, ".quick button")
        self.until(" fit")

    def until(self, text: str) -> None:
        """Wait until the page says something: a click on a button does not wait for the answer."""
        WebDriverWait(
            self.driver, PATIENCE_S, ignored_exceptions=[StaleElementReferenceException]
        ).until(lambda _: text in self.text)

    @property
    def answer(self) -> str:
        """The first line of a page."""
        return self.driver.find_element(By.CLASS_NAME, "answer").text

    @property
    def text(self) -> str:
        """What can be read."""
        return self.driver.find_element(By.TAG_NAME, "body").text

    def all(self, css: str) -> list[WebElement]:
        """Give elements."""
        return self.driver.find_elements(By.CSS_SELECTOR, css)

    def width(self, pixels: int) -> None:
        """Look through a window of this width."""
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": pixels, "height": 900, "deviceScaleFactor": 1, "mobile": False},
        )

    def media(self, **features: str) -> None:
        """Prefer something: a colour scheme, less motion."""
        told = [{"name": name.replace("_", "-"), "value": one} for name, one in features.items()]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": told})

    def asked_for(self) -> set[str]:
        """Give every address that the browser asked for since this was last called."""
        found = set()
        for line in self.driver.get_log("performance"):  # type: ignore[no-untyped-call]
            message: dict[str, Any] = json.loads(line["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                found.add(message["params"]["request"]["url"])
        return found
