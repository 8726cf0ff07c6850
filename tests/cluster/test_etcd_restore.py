"""P05: a cluster of etcd is rolled back to before a bad change, by the snapshots that ``pulumi up`` made before it."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest
from etcd_members import decoded, encoded
from harness import Service, eventually, local
from lightkube import ApiError
from lightkube.resources.core_v1 import PersistentVolume
from test_snapshots import snapshots

Make = Callable[..., Service]

MANY = 50
"""Keys that are written before ``up`` begins."""
PEERS = ",".join(f"rg-{number}=http://rg-{number}.$(SERVICE_ADDRESS):2380" for number in range(3))
ETCD: dict[str, Any] = {
    "image": "gcr.io/etcd-development/etcd:v3.7.3",
    "command": [
        "etcd",
        "--name=$(POD_NAME)",
        "--data-dir=/var/lib/etcd/data",
        f"--initial-cluster={PEERS}",
        "--initial-advertise-peer-urls=http://$(POD_ADDRESS):2380",
        "--advertise-client-urls=http://$(POD_ADDRESS):2379",
        "--listen-peer-urls=http://0.0.0.0:2380",
        "--listen-client-urls=http://0.0.0.0:2379",
        "--listen-metrics-urls=http://0.0.0.0:2381",
    ],
    "discovery": {},
    "env": {"RELEASE": "1"},
    "security": {"run_as_user": 65532},
    "replicas": 3,
    "ports": {"client": 2379, "peer": 2380, "metrics": 2381},
    "pod_management_policy": "Parallel",
    "publish_not_ready_addresses": True,
    "quorum": True,
    "readiness_probe": {"http_get": {"path": "/readyz", "port": "metrics"}, "period_seconds": 1, "timeout_seconds": 5},
    "volumes": [{"name": "data", "mount_path": "/var/lib/etcd", "size": "1Gi", "storage_class_name": "csi"}],
    "snapshots": {"class_name": "csi"},
}


def addresses(rg: Service) -> list[str]:
    """Where the members answer."""
    with suppress(ApiError, httpx2.HTTPError):
        return [str(pod.status.podIP) for pod in rg.pods().values() if pod.status and pod.status.podIP]
    return []


@contextmanager
def writing(rg: Service) -> Iterator[dict[str, datetime]]:
    """Puts one key after the other meanwhile; when each was acknowledged."""
    acknowledged: dict[str, datetime] = {}
    ended = threading.Event()

    def write() -> None:
        number = 0
        with httpx2.Client(timeout=httpx2.Timeout(1, connect=0.2), trust_env=False) as http:
            while not ended.is_set():
                for address in addresses(rg):
                    while not ended.wait(0.01):
                        # Each attempt has a key of its own: one without an answer may have been written or not.
                        number += 1
                        body = {"key": encoded(f"key/{number:08}"), "value": encoded("x")}
                        try:
                            answer = http.post(f"http://{address}:2379/v3/kv/put", json=body)
                        except httpx2.HTTPError:
                            break
                        if not answer.is_success:
                            break
                        acknowledged[f"key/{number:08}"] = datetime.now(UTC)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield acknowledged
    finally:
        ended.set()
        thread.join()


def keys(rg: Service, member: str) -> set[str]:
    """The client's keys as a member has them: it reads through a quorum."""
    said = json.loads(
        rg.kubectl("exec", member, "--", "etcdctl", "get", "--prefix", "key/", "--keys-only", "--write-out=json")
    )
    return {decoded(each["key"]) for each in said.get("kvs", [])}


@pytest.mark.long
def test_p05_etcd_is_rolled_back_to_before_a_bad_change(
    service: Make, record_property: Callable[[str, object], None]
) -> None:
    """All members: no key is lost that was acknowledged before the first snapshot; the disks of now are kept."""
    local("load-image", "etcd:v3.7.3")
    rg = service(**ETCD)
    rg.up()
    rg.set(env={"RELEASE": "2"})
    with writing(rg) as acknowledged:
        eventually("some keys are written", lambda: len(acknowledged) > MANY)
        rg.up()
    made = min(datetime.fromisoformat(str(each.metadata.creationTimestamp)) for each in snapshots(rg).values())
    before = {key for key, when in acknowledged.items() if when < made}
    record_property("keys before the snapshots, and in all", [len(before), len(acknowledged)])
    assert len(before) > MANY / 2
    rg.kubectl("exec", "rg-0", "--", "etcdctl", "del", "--prefix", "key/")
    assert keys(rg, "rg-0") == set()
    kept = {str(claim.spec.volumeName) for claim in rg.claims().values()}
    try:
        rg.deploy(env={"RELEASE": "1"}, restore=[{"snapshot": "BeforeLastRollout"}])
        for member in rg.pods():
            lost = before - keys(rg, member)
            assert not lost, f"{member} lost {len(lost)} of {len(before)}: {sorted(lost)[:10]}"
        assert not kept & {str(claim.spec.volumeName) for claim in rg.claims().values()}
        rg.unchanged()
    finally:
        for each in kept:
            rg.client.delete(PersistentVolume, each)
