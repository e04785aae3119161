"""A real Apache Kafka broker in KRaft combined mode, from the jars that `make servers` fetches."""

import os
import shutil
import signal
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from servers.ports import free_ports, wait_until_listening

JARS = Path(__file__).parents[2] / ".cache" / "kafka" / "lib"
CLUSTER_ID = "MkU3OEVBNTcwNTJENDM2Qg"
LOG4J = """\
status = error
rootLogger.level = warn
rootLogger.appenderRefs = file
rootLogger.appenderRef.file.ref = file
appender.file.type = File
appender.file.name = file
appender.file.fileName = {log}
appender.file.layout.type = PatternLayout
appender.file.layout.pattern = %d %p %c %m%n
"""
PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs={data}
num.partitions=4
auto.create.topics.enable=false
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
group.consumer.min.session.timeout.ms=6000
group.min.session.timeout.ms=1000
message.max.bytes=2000000
"""
# A second way in, which clients are told by another port: that of a proxy before it. The later of two lines holds.
PROXIED = """\
listeners=PLAINTEXT://127.0.0.1:{port},PROXIED://127.0.0.1:{inside},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port},PROXIED://127.0.0.1:{outside}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT
"""


def missing() -> str | None:
    """What a broker would need and this machine lacks, as a sentence; None when it can start."""
    if not shutil.which("java"):
        return "no `java` on PATH (Java 17 or newer)"
    if not list(JARS.glob("kafka_2.13-*.jar")):
        return f"no broker jars in {JARS} (run `make servers`)"
    return None


@dataclass
class KafkaBroker:
    """One broker; `stop` and `start` keep its data, `kill` is `kill -9`.

    `proxied` opens a second listener: the port it has, and the port of the proxy that clients must use instead.
    """

    folder: Path
    extra: dict[str, str] = field(default_factory=dict)
    port: int = 0
    proxied: tuple[int, int] | None = None
    _process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap(self) -> str:
        """Address for clients."""
        return f"127.0.0.1:{self.port}"

    def start(self, seconds: float = 60.0) -> "KafkaBroker":
        """Format the log folder on the first call, start the broker, wait until it answers."""
        if not self.port:
            self._format()
        with (self.folder / "console.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*self._java("-Xmx512m"), "kafka.Kafka", str(self.folder / "server.properties")],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        wait_until_listening(self.port, seconds, f"Kafka (log: {self.folder / 'console.log'})")
        return self

    def kill(self) -> None:
        """Kill -9."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Stop it in order; kill it when it takes longer than 15 s."""
        self._end(signal.SIGTERM)

    def pause(self) -> None:
        """SIGSTOP."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            os.kill(self._process.pid, number)

    def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        self._signal(number)
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _format(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port, controller = free_ports(2)
        text = PROPERTIES.format(port=self.port, controller=controller, data=self.folder / "data")
        if self.proxied is not None:
            inside, outside = self.proxied
            text += PROXIED.format(port=self.port, controller=controller, inside=inside, outside=outside)
        text += "".join(f"{key}={value}\n" for key, value in self.extra.items())
        (self.folder / "server.properties").write_text(text)
        (self.folder / "log4j2.properties").write_text(LOG4J.format(log=self.folder / "server.log"))
        subprocess.run(
            [
                *self._java(),
                "kafka.tools.StorageTool",
                "format",
                "-t",
                CLUSTER_ID,
                "-c",
                str(self.folder / "server.properties"),
            ],
            check=True,
            capture_output=True,
            timeout=60,
        )

    def _java(self, *flags: str) -> list[str]:
        logging = f"-Dlog4j2.configurationFile={self.folder / 'log4j2.properties'}"
        return ["java", *flags, "-XX:TieredStopAtLevel=1", logging, "-cp", f"{JARS}/*"]
