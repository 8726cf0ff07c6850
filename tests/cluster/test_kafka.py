"""P02, P05, P06, P14 by a program that nobody here wrote: Kafka in KRaft mode, as ``examples/kafka`` has it.

A producer of Kafka's own sends one number after the other to all partitions of a topic, throughout, with ``acks=all``.
"""

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from example_stacks import CLIENT, WithClient, WriterOfNumbers, restricted
from harness import CommandError, eventually, local
from lightkube import Client as Kubernetes

TOPIC = "written"
JAVA = {
    "CLASSPATH": "/opt/kafka/libs/*",
    "LOG4J_LEVEL": "OFF",
    # For programs that run for seconds.
    "JAVA_TOOL_OPTIONS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
}
"""The environment of the client's Pod."""
SERVERS = ("--bootstrap-server", "kafka-client:9092")


@dataclass
class Kafka(WithClient):
    """Controllers and brokers."""

    example: str = "kafka"

    def tool(self, name: str, *arguments: str, text: str = "") -> str:
        """The output of one of Kafka's command line tools, in the client's Pod."""
        command = ("java", f"org.apache.kafka.tools.{name}", *SERVERS, *arguments)
        return self.kubectl("exec", "--stdin", CLIENT, "--", *command, text=text)

    def create_topic(self) -> None:
        """With partitions on all brokers."""
        self.tool("TopicCommand", "--create", "--topic", TOPIC, "--partitions", "6")

    def registered(self) -> int:
        """How many brokers take part."""
        command = ("java", "org.apache.kafka.tools.ClusterTool", "list-endpoints", *SERVERS)
        return len(re.findall(r"^\d+ ", self.kubectl("exec", CLIENT, "--", *command), re.MULTILINE))

    def partitions(self) -> list[dict[str, str]]:
        """The topic's partitions: where their copies are, which of them are complete, and which leads."""
        described = self.tool("TopicCommand", "--describe", "--topic", TOPIC)
        return [dict(re.findall(r"(\w+): (\S*)", line)) for line in described.splitlines() if "Partition:" in line]

    def is_well(self) -> bool:
        """Whether each partition has three complete copies."""
        try:
            found = self.partitions()
        except CommandError:
            return False
        return bool(found) and all(len(each["Isr"].split(",")) == 3 for each in found)

    def holders(self) -> set[str]:
        """Which brokers have copies."""
        return {broker for each in self.partitions() for broker in each["Replicas"].split(",")}

    def leader(self) -> str:
        """The broker that leads the first partition."""
        return f"kafka-brokers-{self.partitions()[0]['Leader']}"

    def active_controller(self) -> str:
        """The controller that leads."""
        status = self.tool("MetadataQuorumCommand", "describe", "--status")
        [number] = re.findall(r"LeaderId:\s+10(\d)", status)
        return f"kafka-controllers-{number}"

    def stored(self) -> set[int]:
        """All numbers in the topic: read until as many have come as there are, however long that takes."""
        ends = self.tool("GetOffsetShell", "--topic", TOPIC).split()
        count = str(sum(int(end.rpartition(":")[2]) for end in ends))
        read = self.tool("consumer.ConsoleConsumer", "--topic", TOPIC, "--from-beginning", "--max-messages", count)
        return {_number(line) for line in read.split()}


def _number(value: str) -> int:
    """What the producer makes of a prefix and a number."""
    prefix, _, number = value.partition(".")
    return int(prefix) * 1_000_000 + int(number)


class Producer(WriterOfNumbers):
    """Kafka's own producer for such tests, which prints each number that is acknowledged, and repeats what fails."""

    def __init__(self, example: Kafka, first: int = 0) -> None:
        """It runs in the client's Pod, and begins with ``first``, a multiple of a million."""
        super().__init__()
        producer = ["java", "org.apache.kafka.tools.VerifiableProducer", *SERVERS, "--topic", TOPIC]
        producer += ["--throughput", "50", "--acks", "-1", "--value-prefix", str(first // 1_000_000)]
        # It ends with its standard input: what kubectl has started in a Pod outlives kubectl.
        shell = ["sh", "-c", '"$@" & cat; kill -9 $!', "sh", *producer]
        self._command = ["kubectl", "--namespace", example.namespace, "exec", "--stdin", CLIENT, "--", *shell]
        self._env = example.env

    def run(self) -> None:
        pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        with subprocess.Popen(self._command, env=self._env, text=True, **pipes) as running:
            for line in running.stdout or ():
                event = json.loads(line)
                if event["name"] == "producer_send_success":
                    self.acknowledged.add(_number(event["value"]))
                    self.acknowledged_one()
                if self.ended.is_set():
                    running.kill()


@pytest.fixture
def servers(env: dict[str, str], client: Kubernetes, namespace: str, tmp_path: Path) -> Iterator[Kafka]:
    """The example in a namespace that wants restricted Pods; nothing is deployed yet."""
    local("load-image", "kafka")
    made = Kafka(tmp_path / "kafka", env, namespace=namespace, client=client)
    made.start_client("apache/kafka:4.1.0", **JAVA)
    with restricted(made):
        yield made


@pytest.mark.long
def test_p14_kafka_keeps_every_acknowledged_write(
    servers: Kafka, record_property: Callable[[str, object], None]
) -> None:
    """Three brokers: updated, deleted, the controllers' leader deleted, grown, four, three; no message is lost."""
    servers.up()
    servers.create_topic()
    eventually("all have copies", servers.is_well)
    writer = Producer(servers)
    writer.start()
    try:
        changed(servers, writer)
    finally:
        writer.end()
    writer.report(record_property)
    assert writer.acknowledged <= servers.stored()


def changed(servers: Kafka, writer: Producer) -> None:
    """All that is done to the servers while the producer sends."""
    with writer.during("a rolling update"):
        servers.configure(maxBytes=2_000_000)
        servers.up()
        eventually("all have copies", servers.is_well)

    for what, pod in (
        ("a deleted broker that leads", servers.leader),
        ("a deleted controller", servers.active_controller),
    ):
        with writer.during(what):
            servers.replace_pod(pod())
            eventually("all have copies", servers.is_well)

    with writer.during("a grown disk"):
        before = servers.uids()
        servers.configure(size="2Gi")
        servers.up()
        assert servers.uids() == before

    with writer.during("three brokers becoming four"):
        servers.configure(replicas=4)
        servers.up()
        # A new broker has what is new, and what somebody moves to it.
        servers.tool("TopicCommand", "--create", "--topic", "new", "--partitions", "8")
        assert servers.uids().items() > before.items()

    with writer.during("four brokers becoming three"):
        moved = json.dumps({"version": 1, "partitions": [{"topic": TOPIC, "partition": 0, "replicas": [3, 0, 1]}]})
        move = ("--execute", "--reassignment-json-file", "/dev/stdin")
        servers.tool("reassign.ReassignPartitionsCommand", *move, text=moved)
        eventually("the new broker has a copy", lambda: servers.is_well() and "3" in servers.holders())
        servers.configure(replicas=3)
        servers.up()
        assert servers.holders() == {"0", "1", "2"}
        assert servers.is_well()
        assert servers.uids() == before
