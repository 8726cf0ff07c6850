"""What operations cost through `pulumi up`, against the same done by hand with kubectl; ratios, in one run.

    make bench

Rounds alternate between the two ways, each on a service of its own, so that the machine's mood hits both alike. Times
are whole commands: the engine's start is in them.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "cluster"))

from harness import Service, client_for, environment
from lightkube import Client
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import Namespace

ROUNDS = 5
OLD, NEW = "random-generator:1.0", "random-generator:2.0"


class ByHand:
    """The same objects, applied and waited for with kubectl."""

    def __init__(self, namespace: str, env: dict[str, str], folder: Path) -> None:
        self.namespace = namespace
        self.env = env
        self.file = folder / f"{namespace}.json"
        self.objects: list[dict[str, Any]] = []

    def take(self, service: Service) -> None:
        """Takes over the objects of a deployed service, without what the cluster filled in."""
        for kind, name in (("service", "random-generator"), ("statefulset", "rg")):
            live = json.loads(self.kubectl("get", kind, name, "-o", "json", namespace=service.namespace))
            metadata = {"name": name, "namespace": self.namespace, "labels": live["metadata"]["labels"]}
            self.objects.append({**live, "metadata": metadata})
            self.objects[-1].pop("status", None)

    def kubectl(self, *arguments: str, namespace: str | None = None) -> str:
        """A kubectl command."""
        return subprocess.run(
            ["kubectl", "--namespace", namespace or self.namespace, *arguments],
            env=self.env,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        ).stdout

    def apply(self, image: str, partition: int) -> None:
        """Applies a version and waits until the instances from the partition on run it."""
        spec = self.objects[1]["spec"]
        spec["template"]["spec"]["containers"][0]["image"] = image
        spec["updateStrategy"] = {"type": "RollingUpdate", "rollingUpdate": {"partition": partition}}
        self.file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": self.objects}))
        self.kubectl("apply", "--filename", str(self.file))
        self.kubectl("rollout", "status", "statefulset/rg", "--timeout=120s")

    def grow(self, size: str) -> None:
        """Grows three claims and waits for their capacity."""
        patch = json.dumps({"spec": {"resources": {"requests": {"storage": size}}}})
        claims = [f"pvc/logs-rg-{ordinal}" for ordinal in range(3)]
        self.kubectl("patch", *claims, "--type", "merge", "--patch", patch)
        self.kubectl("wait", *claims, f"--for=jsonpath={{.status.capacity.storage}}={size}", "--timeout=60s")


def timed(do: Callable[[], object]) -> float:
    """Seconds that something takes."""
    started = time.perf_counter()
    do()
    return time.perf_counter() - started


def main() -> None:
    """Runs the rounds and prints the table."""
    env = environment()
    with client_for(env) as client, tempfile.TemporaryDirectory() as folder, ExitStack() as cleanup:
        ours, theirs = (namespace(client, cleanup) for _ in range(2))
        service = Service(Path(folder) / "project", env, namespace=ours, client=client)
        cleanup.callback(service.run, "destroy", "--yes", "--skip-preview")
        service.deploy(replicas=3, image=OLD)
        by_hand = ByHand(theirs, env, Path(folder))
        by_hand.take(service)
        by_hand.apply(OLD, 0)
        canary: list[tuple[float, float]] = []
        growth: list[tuple[float, float]] = []
        unchanged: list[float] = []
        for round_number in range(ROUNDS):
            canary.append(
                (
                    timed(lambda: service.deploy(image=NEW, canary=1)),
                    timed(lambda: by_hand.apply(NEW, 2)),
                )
            )
            service.deploy(image=OLD, canary=None)
            by_hand.apply(OLD, 0)
            size = f"{20 + round_number}Mi"
            volume = {"name": "logs", "mount_path": "/opt/logs", "size": size}
            growth.append(
                (
                    timed(lambda volume=volume: service.deploy(volumes=[volume])),  # type: ignore[misc]
                    timed(lambda size=size: by_hand.grow(size)),  # type: ignore[misc]
                )
            )
            unchanged.append(timed(service.up))
    report(canary, growth, unchanged)


def namespace(client: Client, cleanup: ExitStack) -> str:
    """A namespace that goes at the end."""
    name = f"bench-{uuid.uuid4().hex[:6]}"
    client.create(Namespace(metadata=ObjectMeta(name=name)))
    cleanup.callback(client.delete, Namespace, name)
    return name


def report(canary: list[tuple[float, float]], growth: list[tuple[float, float]], unchanged: list[float]) -> None:
    """The table, and the same as a file."""
    engine = statistics.median(unchanged)
    result: dict[str, Any] = {"rounds": ROUNDS, "unchanged_up_seconds": round(engine, 2)}
    print(f"an up that changes nothing: {engine:.1f} s (median of {ROUNDS})")
    print(f"{'operation':24} {'pulumi up':>10} {'kubectl':>9} {'ratio':>7} {'spread':>13}")
    for name, pairs in (("canary of 1 in 3", canary), ("growth of 3 claims", growth)):
        ratios = sorted(mine / hand for mine, hand in pairs)
        mine, hand = (statistics.median(each) for each in zip(*pairs, strict=True))
        print(
            f"{name:24} {mine:8.1f} s {hand:7.1f} s {statistics.median(ratios):7.2f}"
            f" {ratios[0]:5.2f} to {ratios[-1]:.2f}"
        )
        result[name] = {"pulumi": mine, "kubectl": hand, "ratios": [round(ratio, 3) for ratio in ratios]}
    Path("benchmarks/operations.json").write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
