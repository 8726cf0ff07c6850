"""``pulumi up`` in a Pod, as docs/in-cluster.md describes it: with its service account and no kubeconfig."""

import json
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from harness import ROOT, Service, eventually
from lightkube.resources.core_v1 import Secret
from test_rights import documented_role

from local.settings import load

Make = Callable[..., "InPod"]

ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
GATE = "example.com/told"
"""A condition that a Pod waits for until the test sets it."""
GATED = {"spec": {"readinessGates": [{"conditionType": GATE}]}}


def documented(heading: str) -> str:
    """The manifest below a heading of the page."""
    section = (ROOT / "docs" / "in-cluster.md").read_text().split(f"## {heading}\n")[1]
    [block, *_] = re.findall(r"```yaml\n(.*?)```", section, re.DOTALL)
    return str(block)


class InPod(Service):
    """A service whose ``pulumi`` runs in a Pod.

    The folders of this machine take the place of an image with Pulumi and Python. The API server listens on this
    machine's loopback alone, so the Pod has the node's network, and its address in place of the Service's.
    """

    def allow(self) -> None:
        """Creates the documented service account, with the documented Roles and no other rights."""
        for manifest in (json.dumps(documented_role()), documented("Service account and rights")):
            self.kubectl("apply", "--filename", "-", text=manifest)

    def start(self, *arguments: str, account: dict[str, Any] | None = None) -> str:
        """Starts a Pulumi command, and returns the name of its Pod; ``account`` is another volume with the token."""
        name = f"runner-{len(list(self.folder.glob('runner-*')))}"
        self.kubectl("apply", "--filename", "-", text=json.dumps(self._runner(name, arguments, account)))
        (self.folder / name).touch()
        return name

    def end(self, name: str) -> tuple[str, str]:
        """Waits for a command; its Pod's phase and its output."""
        eventually(f"{name} ends", lambda: self.phase(name) in {"Succeeded", "Failed"})
        return self.phase(name), self.kubectl("logs", name)

    def phase(self, name: str) -> str:
        """The phase of a Pod."""
        return self.kubectl("get", "pod", name, "--output=jsonpath={.status.phase}")

    def _runner(self, name: str, arguments: tuple[str, ...], account: dict[str, Any] | None) -> dict[str, Any]:
        engine = Path(shutil.which("pulumi", path=self.env["PATH"]) or "").parent
        home = self.env["PULUMI_HOME"]
        folders = {"/usr": "/usr", "/lib": "/usr/lib", "/lib64": "/usr/lib64", "/bin": "/usr/bin"}
        folders |= {str(each): str(each) for each in (engine, ROOT / ".venv", Path(home) / "plugins", sys.base_prefix)}
        mounts = [{"mountPath": path, "readOnly": True, "hostPath": {"path": host}} for path, host in folders.items()]
        mounts += [
            {"mountPath": home, "emptyDir": {}},
            {"mountPath": "/tmp", "emptyDir": {}},  # noqa: S108 - in the Pod
            {"mountPath": str(self.folder), "hostPath": {"path": str(self.folder)}},
            *([{"mountPath": ACCOUNT, "readOnly": True, **account}] if account else []),
        ]
        env = {key: value for key, value in self.env.items() if key.startswith("PULUMI_")} | {
            "PATH": f"{ROOT}/.venv/bin:{engine}:/usr/bin",
            "HOME": "/tmp",  # noqa: S108 - in the Pod
            "USER": "root",
            "KUBERNETES_SERVICE_HOST": "127.0.0.1",
            "KUBERNETES_SERVICE_PORT": str(load().ports.api_server),
        }
        kinds = {"hostPath", "emptyDir", "projected"}
        container = {
            "name": "pulumi",
            "image": "random-generator:1.0",
            "imagePullPolicy": "Never",
            "command": ["pulumi", *arguments, "--non-interactive", "--color=never", "--stack", self.stack],
            "workingDir": str(self.folder),
            "securityContext": {"runAsUser": 0, "runAsGroup": 0},
            "env": [{"name": key, "value": value} for key, value in env.items()],
            "volumeMounts": [
                {"name": f"v{number}", **{key: value for key, value in mount.items() if key not in kinds}}
                for number, mount in enumerate(mounts)
            ],
        }
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name},
            "spec": {
                "serviceAccountName": "deployer",
                "automountServiceAccountToken": account is None,
                "hostNetwork": True,
                "restartPolicy": "Never",
                "terminationGracePeriodSeconds": 1,
                "containers": [container],
                "volumes": [
                    {"name": f"v{number}", **{key: value for key, value in mount.items() if key in kinds}}
                    for number, mount in enumerate(mounts)
                ],
            },
        }

    def tell(self, pod: str) -> None:
        """Sets the condition that a Pod waits for."""
        conditions = {"status": {"conditions": [{"type": GATE, "status": "True"}]}}
        self.kubectl("patch", "pod", pod, "--subresource=status", f"--patch={json.dumps(conditions)}")

    def token(self, secret: str) -> str:
        """A token that is valid as long as a Secret is there."""
        self.kubectl("create", "secret", "generic", secret)
        return self.kubectl(
            "create", "token", "deployer", "--bound-object-kind=Secret", f"--bound-object-name={secret}"
        ).strip()

    def is_refused(self, token: str) -> bool:
        """Whether the API server refuses a token."""
        try:
            self.kubectl("--kubeconfig=/dev/null", "auth", "whoami", f"--token={token}", *self._server())
        except AssertionError as error:
            return "Unauthorized" in str(error)
        return False

    def _server(self) -> list[str]:
        return [f"--server=https://127.0.0.1:{load().ports.api_server}", "--insecure-skip-tls-verify"]


@pytest.fixture
def in_pod(env: dict[str, str], client: Any, namespace: str, tmp_path: Path) -> Any:
    """Creates the project of a service that is deployed from a Pod."""
    made = []

    def make(**changes: Any) -> InPod:
        rg = InPod(tmp_path / "project", env, namespace=namespace, client=client)
        rg.set(**changes)
        rg.allow()
        made.append(rg)
        return rg

    yield make
    for each in made:
        each.run("destroy", "--yes", "--skip-preview")


def test_a_pod_deploys_with_its_service_account(in_pod: Make) -> None:
    """Creates in the Pod's namespace, refuses and updates, with the documented Roles and no other right."""
    rg = in_pod(namespace=None, quorum=True, replicas=3)
    accepted = rg.kubectl("apply", "--dry-run=server", "--filename", "-", text=documented("A Job"))
    assert "job.batch/deploy created" in accepted
    phase, said = rg.end(rg.start("up", "--yes", "--skip-preview"))
    assert (phase, "no right" in said) == ("Succeeded", False), said
    assert {"rg-0", "rg-1", "rg-2"} <= rg.pods().keys()
    rg.set(namespace=None, volumes=[rg.args["volumes"][0] | {"size": "5Mi"}])
    phase, said = rg.end(rg.start("preview"))
    assert (phase, "size cannot be reduced from 10Mi to 5Mi" in said) == ("Failed", True), said


def test_a_token_that_is_refused_during_the_rollout_is_read_again(in_pod: Make) -> None:
    """The file has another one by then, as the kubelet sees to."""
    rg = in_pod(replicas=1, pod_template=GATED)
    folder = rg.folder / "account"
    folder.mkdir()
    (folder / "namespace").write_text(rg.namespace)
    authority = rg.kubectl("get", "configmap", "kube-root-ca.crt", "--output=jsonpath={.data.ca\\.crt}")
    (folder / "ca.crt").write_text(authority)
    tokens = [rg.token("first"), rg.token("second")]
    (folder / "token").write_text(tokens[0])
    runner = rg.start("up", "--yes", "--skip-preview", account={"hostPath": {"path": str(folder)}})
    eventually("rg-0 runs", lambda: (pod := rg.pod("rg-0")) is not None and pod.status.phase == "Running")
    (folder / "new").write_text(tokens[1])
    (folder / "new").rename(folder / "token")
    rg.client.delete(Secret, "first", namespace=rg.namespace)
    eventually("the first token is refused", lambda: rg.is_refused(tokens[0]))
    assert rg.phase(runner) == "Running"
    rg.tell("rg-0")
    phase, said = rg.end(runner)
    assert phase == "Succeeded", said


@pytest.mark.long
def test_a_rollout_takes_longer_than_a_token_is_valid(in_pod: Make) -> None:
    """For 600 seconds, the least that Kubernetes grants; the kubelet replaces the file."""
    rg = in_pod(replicas=1, pod_template=GATED, rollout_timeout_seconds=1800)
    sources = [
        {"serviceAccountToken": {"path": "token", "expirationSeconds": 600}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
    ]
    runner = rg.start("up", "--yes", "--skip-preview", account={"projected": {"sources": sources}})
    eventually("rg-0 runs", lambda: (pod := rg.pod("rg-0")) is not None and pod.status.phase == "Running")
    first = rg.kubectl("exec", runner, "--", "cat", f"{ACCOUNT}/token").strip()
    eventually("the first token has expired", lambda: rg.is_refused(first), 700)
    assert rg.phase(runner) == "Running"
    rg.tell("rg-0")
    phase, said = rg.end(runner)
    assert phase == "Succeeded", said
