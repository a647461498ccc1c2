"""Where Kafka comes from: Maven, by the ``pom.xml`` beside this file, into ``.cache/kafka``."""

import hashlib
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.sharing import locked

HERE = Path(__file__).resolve().parent
POM = HERE / "pom.xml"
CACHE = HERE.parents[1] / ".cache" / "kafka"


class BrokerError(Exception):
    """A broker cannot be had here; the message says what is missing."""


@dataclass(frozen=True)
class Distribution:
    """One version of Kafka.

    Attributes:
        version: None for that of ``pom.xml``.
    """

    version: str | None = None

    def libraries(self) -> Path:
        """Give the folder of jars, fetched by Maven the first time."""
        for tool, package in (("java", "openjdk-17-jre-headless"), ("mvn", "maven")):
            if shutil.which(tool) is None:
                raise BrokerError(
                    f"a Kafka broker needs {tool} (Java 17 or later, Maven 3): on Debian and "
                    f"Ubuntu apt-get install {package}"
                )
        folder = self._folder()
        with locked(folder):
            if not folder.exists():
                with tempfile.TemporaryDirectory(dir=CACHE) as unfinished:
                    self._fetch(Path(unfinished, "kafka"))
                    Path(unfinished, "kafka").rename(folder)
        return folder

    def archive(self) -> Path:
        """Say where the archive of loaded classes is, once it is made."""
        self.libraries()
        return self._archive()

    def command(self, main: str, *jvm: str) -> list[str]:
        """Give the beginning of a command line."""
        archive = self._archive()
        shared = [f"-XX:SharedArchiveFile={archive}"] if archive.exists() else []
        return [
            "java",
            *jvm,
            *shared,
            f"-Dlog4j2.configurationFile={HERE / 'log4j2.xml'}",
            "-cp",
            f"{self._folder()}/*",
            main,
        ]

    def run(self, main: str, *arguments: str) -> None:
        """Run one of its tools to the end."""
        done = subprocess.run(
            [*self.command(main, "-Xmx64m", "-XX:TieredStopAtLevel=1"), *arguments],
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise BrokerError(f"{main} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")

    def _fetch(self, folder: Path) -> None:
        fetched = subprocess.run(
            [
                *("mvn", "-q", "-B", "-f", str(POM)),
                "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies",
                "-DincludeScope=runtime",
                f"-DoutputDirectory={folder}",
                *([f"-Dkafka.version={self.version}"] if self.version else []),
            ],
            check=False,
            capture_output=True,
            text=True,
        )
        if fetched.returncode:
            raise BrokerError(
                f"Maven could not fetch Kafka; it needs its mirror or the network, see "
                f"~/.m2/settings.xml:\n{fetched.stdout[-4000:]}"
            )

    def _archive(self) -> Path:
        return CACHE / f"{self._folder().name}.jsa"

    def _folder(self) -> Path:
        pom = hashlib.sha256(POM.read_bytes()).hexdigest()[:12]
        return CACHE / "-".join(("libs", pom, *([self.version] if self.version else [])))


NEWEST = Distribution()
"""That of ``pom.xml``."""
