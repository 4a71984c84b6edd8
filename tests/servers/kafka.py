"""Apache Kafka from Maven Central, one KRaft node that is broker and controller."""

import base64
import socket
import struct
import tempfile
import uuid
from pathlib import Path

from tests.servers.cache import cached
from tests.servers.containers import ContainerRunner, engine_answers
from tests.servers.native import NativeRunner, remove_tree
from tests.servers.ports import free_port
from tests.servers.server import Runner, Server, ServerUnavailable
from tests.servers.tools import found, require, succeed

VERSION = "4.3.1"
LOG4J = "2.25.4"  # the one that this Kafka brings; without the binding of the same version the broker logs nothing
INSTEAD = "Name an Apache Kafka 4 broker by TEST_KAFKA_BOOTSTRAP=host:port instead."

PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={directory}/data
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
"""

PROJECT = f"""\
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>concert</groupId><artifactId>broker</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{VERSION}</version></dependency>
    <dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId><version>{LOG4J}</version></dependency>
  </dependencies>
</project>
"""


class KafkaServer(Server):
    """One broker; after `kill` it takes about 12 s to come back, since its former session has to end first."""

    @property
    def url(self) -> str:
        return f"127.0.0.1:{self.port}"

    def answers(self) -> bool:
        return brokers_listed("127.0.0.1", self.port) > 0

    def _runner_with_data(self) -> Runner:
        if engine_answers():
            return ContainerRunner(service="kafka", port=self.port)
        libraries = kafka_libraries()
        directory = Path(tempfile.mkdtemp(prefix="concert-kafka-"))
        properties = directory / "server.properties"
        properties.write_text(PROPERTIES.format(port=self.port, controller=free_port(), directory=directory))
        with properties.open("a") as more:
            more.writelines(f"{option}\n" for option in self.options)
        java = [found("java") or "java", "-Xms128m", "-Xmx384m", "-XX:TieredStopAtLevel=1", "-Dlog4j2.level=WARN", "-cp", f"{libraries}/*"]
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "A")
        try:
            succeed([*java, "kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(properties)], instead=INSTEAD)
        except BaseException:
            remove_tree(directory)
            raise
        return NativeRunner(command=[*java, "kafka.Kafka", str(properties)], directory=directory, log=directory / "log")


def kafka_libraries() -> Path:
    """The cached folder of the broker's jars, with a Java to run them."""
    require({"java": "default-jre-headless"}, instead=INSTEAD)
    return cached(f"kafka-{VERSION}", download_jars)


def download_jars(scratch: Path) -> None:
    """Let Maven resolve the broker into an empty folder."""
    require({"java": "default-jre-headless", "mvn": "maven"}, instead=INSTEAD)
    with tempfile.TemporaryDirectory(prefix="concert-kafka-") as project:
        (Path(project) / "pom.xml").write_text(PROJECT)
        copy = ["mvn", "-q", "-B", "dependency:copy-dependencies", f"-DoutputDirectory={scratch}", "-DincludeScope=runtime"]
        succeed(copy, instead=INSTEAD, directory=Path(project))
    if not (scratch / f"kafka_2.13-{VERSION}.jar").exists():
        raise ServerUnavailable(f"Maven brought no broker. {INSTEAD}")


def brokers_listed(host: str, port: int) -> int:
    """How many brokers a Metadata request names; one that is still fenced off is not among them."""
    request = struct.pack(">hhih", 3, 1, 1, -1) + struct.pack(">i", 0)  # Metadata v1, correlation 1, no client id, no topics
    with socket.create_connection((host, port), timeout=2) as connection:
        connection.sendall(struct.pack(">i", len(request)) + request)
        answer = connection.recv(12)
    return int(struct.unpack(">iii", answer)[2]) if len(answer) == 12 else 0
