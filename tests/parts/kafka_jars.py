"""The jars of Apache Kafka, which Maven fetches once into the user's cache."""

import os
import shutil
import tempfile
from pathlib import Path

from tests.parts.processes import PartMissing, apt_install, said

VERSION = "4.3.1"
MAVEN_SECONDS_MAX = 300

POM = """<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion><groupId>huitou</groupId><artifactId>kafka-jars</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{version}</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
"""

POM_OF_TOOLS = """<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion><groupId>huitou</groupId><artifactId>kafka-tools-jar</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId><version>{version}</version>
      <exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions></dependency>
  </dependencies>
</project>
"""


def jars(version: str = VERSION) -> Path:
    """Return the folder with the jars of this version. Maven fetches them once into the user's cache."""
    cache = cache_of(version)
    return _fetched(cache, POM.format(version=version))


def tools(version: str = VERSION) -> Path:
    """Return the folder with the tools for rights, which need the jars of the same version beside them."""
    return _fetched(cache_of(version, "kafka-tools"), POM_OF_TOOLS.format(version=version))


def _fetched(cache: Path, content: str) -> Path:
    """Return the folder with the jars that a Maven project depends on, from the cache if they are there."""
    if (cache / "lib").is_dir():
        return cache / "lib"
    if not (shutil.which("java") and shutil.which("mvn")):
        apt_install("openjdk-17-jre-headless", "maven")
    if not (shutil.which("java") and shutil.which("mvn")):
        raise PartMissing(
            "Apache Kafka needs java (17 or newer) and mvn; install them or set TEST_KAFKA=host:port"
        )
    cache.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache.parent) as room:
        pom = Path(room, "pom.xml")
        pom.write_text(content)
        goal = ["dependency:copy-dependencies", "-DoutputDirectory=lib", "-DincludeScope=runtime"]
        said(["mvn", "-B", "-q", "-f", str(pom), *goal], cwd=Path(room), seconds_max=MAVEN_SECONDS_MAX)
        cache.mkdir(exist_ok=True)
        if not (cache / "lib").exists():
            os.rename(Path(room, "lib"), cache / "lib")
    return cache / "lib"


def cache_of(version: str, name: str = "kafka") -> Path:
    """Return the folder in the user's cache that has the jars of this version, if it is there."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "huitou" / f"{name}-{version}"
