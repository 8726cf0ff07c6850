"""P08, P14: an application that is initialised from outside and sealed after each start (``examples/strongbox``).

A client writes one secret after the other to the primary, throughout.
"""

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from example_stacks import Example, NumberWriter, changed_throughout, restricted
from harness import PATIENCE, CommandError, eventually, local
from lightkube import Client as Kubernetes
from lightkube.resources.core_v1 import Secret

PORT = 8200


@dataclass
class Strongbox(Example):
    """A primary, and standbys that copy from it."""

    example: str = "strongbox"

    def status(self, pod: str) -> dict[str, Any]:
        """What a server says of itself; nothing where it does not answer."""
        try:
            answer = httpx2.get(f"http://{self.addresses()[pod]}:{PORT}/v1/status", timeout=2)
        except (httpx2.HTTPError, KeyError):
            return {}
        return dict(answer.json())

    def is_well(self, count: int) -> bool:
        """Whether so many servers are open."""
        found = [self.status(pod) for pod in self.pods()]
        return len(found) == count and not any(each.get("sealed", True) for each in found)

    def keys(self) -> list[str]:
        """What the command that forms the cluster has printed."""
        secret: Any = self.client.get(Secret, "strongbox-keys", namespace=self.namespace)
        return list(json.loads(base64.b64decode(secret.data["output"]))["unseal_keys"])

    def unseal(self, pod: str) -> None:
        """Gives a server as many keys as it needs."""
        eventually(f"{pod} takes keys", lambda: self._unsealed(pod))

    def _unsealed(self, pod: str) -> bool:
        try:
            self.kubectl("exec", pod, "--", "strongbox", "unseal", "localhost", *self.keys()[:3])
        except CommandError:
            return False
        return self.status(pod).get("sealed") is False

    @contextmanager
    def putter(self) -> Iterator[Callable[[int], None]]:
        """What writes a secret, and raises where that is not acknowledged."""
        with httpx2.Client(base_url=f"http://{self.addresses()['strongbox-0']}:{PORT}", timeout=4) as client:

            def write(number: int) -> None:
                client.put(f"/v1/secrets/{number}", content=str(number)).raise_for_status()

            yield write

    def stored(self, pod: str) -> set[int]:
        """The numbers that a server has."""
        answer = httpx2.get(f"http://{self.addresses()[pod]}:{PORT}/v1/secrets", timeout=10).raise_for_status()
        return {int(name) for name in answer.json()}


@pytest.fixture
def servers(env: dict[str, str], client: Kubernetes, namespace: str, tmp_path: Path) -> Iterator[Strongbox]:
    """The example in a namespace that wants restricted Pods; nothing is deployed yet."""
    local("load-image", "strongbox")
    made = Strongbox(tmp_path / "strongbox", env, namespace=namespace, client=client)
    with restricted(made):
        yield made


@pytest.mark.long
def test_p14_strongbox_keeps_every_acknowledged_write(
    servers: Strongbox, record_property: Callable[[str, object], None]
) -> None:
    """Initialised once, with its keys in a Secret; updated, deleted, grown, five, three again; no secret is lost."""
    assert "form_cluster has formed the application's cluster in strongbox-0" in servers.up()
    keys = servers.keys()
    assert len(set(keys)) == 5
    assert servers.is_well(3)
    writer = NumberWriter(servers.putter)
    try:
        changed_throughout(servers, writer, servers.is_well, lambda: "strongbox-0", writeTimeout=3)
    finally:
        writer.end()
    writer.report(record_property)
    for pod in servers.pods():
        eventually(
            f"{pod} has all",
            lambda pod=pod: writer.acknowledged <= servers.stored(pod),  # type: ignore[misc]
        )

    servers.destroy()
    servers.up()
    assert servers.keys() == keys, "initialised once"
    assert writer.acknowledged <= servers.stored("strongbox-0")


@pytest.mark.long
def test_p08_a_sealed_server_holds_a_rollout(servers: Strongbox) -> None:
    """Without keys in the Pods, a rolling update waits at each server until that is given its keys."""
    servers.configure(autoUnseal="false")
    servers.up()
    before = servers.uids()
    servers.configure(writeTimeout=3)
    running = servers.start_up()
    try:
        for pod in ("strongbox-2", "strongbox-1", "strongbox-0"):
            eventually(f"{pod} is replaced", lambda pod=pod: servers.uids().get(pod) not in (None, before[pod]))  # type: ignore[misc]
            eventually(f"{pod} is sealed", lambda pod=pod: servers.status(pod).get("sealed"))  # type: ignore[misc]
            replaced = {name for name, uid in servers.uids().items() if uid != before[name]}
            assert replaced == {name for name in before if name >= pod}
            assert running.poll() is None
            servers.unseal(pod)
        assert running.wait(PATIENCE) == 0
    finally:
        if running.poll() is None:
            servers.kill(running)
    servers.unchanged()
