"""Snapshots are restored and checked before a change begins, on the embedded cluster's CSI driver."""

from collections.abc import Callable
from typing import Any

from harness import Service, eventually, local
from lightkube.resources.batch_v1 import Job
from lightkube.resources.core_v1 import PersistentVolumeClaim, Pod
from test_snapshots import of_claim, snapshots

Make = Callable[..., Service]

FILE = "/data/dump.rdb"
REDIS: dict[str, Any] = {
    "image": "redis:8",
    "command": ["redis-server", "--dir", "/data", "--save", "", "--protected-mode", "no"],
    "env": {},
    "replicas": 1,
    "ports": {"client": 6379},
    "readiness_probe": {"exec": {"command": ["redis-cli", "-e", "ping"]}, "period_seconds": 1},
    "security": {"run_as_user": 999},
    "volumes": [{"name": "data", "mount_path": "/data", "size": "10Mi", "storage_class_name": "csi"}],
    "snapshots": {"class_name": "csi", "restore_test": {"command": ["redis-check-rdb", FILE], "timeout_seconds": 120}},
}


def jobs(rg: Service) -> list[Any]:
    """The Jobs in the test's namespace."""
    return list(rg.client.list(Job, namespace=rg.namespace))


def others(rg: Service) -> list[str]:
    """The Pods and claims of the namespace that are no instance's."""
    pods: Any = rg.client.list(Pod, namespace=rg.namespace)
    claims: Any = rg.client.list(PersistentVolumeClaim, namespace=rg.namespace)
    names = [str(each.metadata.name) for each in (*pods, *claims)]
    return [name for name in names if name not in {"rg-0", "data-rg-0"}]


def test_p05_a_snapshot_with_one_byte_changed_is_found(service: Make) -> None:
    """A good one passes, and nothing of the test is left; a bad one keeps the change from beginning."""
    local("load-image", "redis")
    rg = service(**REDIS)
    rg.up()
    rg.kubectl("exec", "rg-0", "--", "redis-cli", "set", "key", "value")
    rg.kubectl("exec", "rg-0", "--", "redis-cli", "save")
    rg.set(env={"A": "1"})
    said = rg.must("preview")
    assert "rg-0 is restored from its snapshots, into a Job that runs snapshots.restore_test.command" in said
    assert jobs(rg) == []
    assert "rg-0 was restored from its snapshots, and snapshots.restore_test passed" in rg.up()
    [good] = of_claim(rg, "data-rg-0")
    assert list(rg.outputs()["restore_tests"]) == [good]
    rg.unchanged()
    started = rg.uids()["rg-0"]
    rg.kubectl("exec", "rg-0", "--", "redis-cli", "set", "key", "value")
    rg.kubectl("exec", "rg-0", "--", "redis-cli", "save")
    flip = f"printf X | dd of={FILE} bs=1 seek=20 conv=notrunc"
    rg.kubectl("exec", "rg-0", "--", "sh", "-c", flip)
    rg.set(env={"A": "2"})
    said = rg.must_fail("up", "--yes", "--skip-preview")
    assert "snapshots.restore_test did not pass: Job rg-restore-" in said
    assert "exit status 1" in said
    assert "no instance was touched" in said
    assert rg.uids()["rg-0"] == started
    [failed] = jobs(rg)
    assert failed.spec.ttlSecondsAfterFinished == 3600
    # The server writes it again; the next one does not use what failed, and takes it away.
    bad = next(name for name in snapshots(rg) if name != good)
    rg.kubectl("exec", "rg-0", "--", "redis-cli", "save")
    rg.up()
    assert rg.uids()["rg-0"] != started
    newest = of_claim(rg, "data-rg-0")[-1]
    assert {*snapshots(rg)} == {good, newest}
    assert newest != bad
    assert {*rg.outputs()["restore_tests"]} == {good, newest}
    assert rg.outputs()["snapshots"] == {"data-rg-0": newest}
    rg.kubectl("delete", "job", failed.metadata.name)
    eventually("the Pod and the volume of the failed test are gone", lambda: not others(rg))
