"""Secure by default: the restricted Pod Security Standard, and secrets that stay secret."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from harness import CHAPTER, SOON, Service, eventually
from lightkube.resources.core_v1 import Namespace, Secret

from local.paths import STATE

Make = Callable[..., Service]
ENFORCE = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}


def shown(rg: Service) -> str:
    """What is visible to somebody who can read everything but Secrets."""
    return rg.kubectl("get", "statefulset,pod,controllerrevision,event", "-o", "yaml")


def test_the_defaults_pass_the_restricted_standard(service: Make) -> None:
    """A namespace that enforces it admits the Pods, which write to their disks; others are refused."""
    rg = service()
    rg.client.patch(Namespace, rg.namespace, ENFORCE)
    rg.deploy()
    assert rg.write("rg-0", 2)
    rg.set(security={"standard": "privileged"}, rollout_timeout_seconds=SOON)
    said = rg.must_fail("up", "--yes", "--skip-preview")
    assert "violates PodSecurity" in said
    assert "Traceback" not in said
    assert rg.is_ready("rg-0")


def test_no_token_unless_asked_for(service: Make) -> None:
    """No volume of the Pods holds a service account's token."""
    rg = service(replicas=1)
    rg.deploy()
    [pod] = rg.pods().values()
    assert [volume.name for volume in pod.spec.volumes] == ["logs"]
    rg.deploy(automount_service_account_token=True)
    [pod] = rg.pods().values()
    assert any(volume.projected for volume in pod.spec.volumes)


@pytest.mark.long
def test_p10_a_held_back_instance_keeps_the_secret_values_of_its_version(service: Make) -> None:
    """A renamed variable and a rotated password with a canary: held-back Pods keep the old values, also new ones."""
    env = {"LOG_FILE": "/opt/logs/log", "VERSION": "$(PASSWORD)"}
    rg = service(replicas=3, canary=1, secret_env={"PASSWORD": "first", "GONE": "x"}, env=env)
    rg.up()
    preview_and_up = rg.deploy(secret_env={"PASSWORD": "second"})
    assert "rg-2: replaced (secret_env)" in preview_and_up

    def versions() -> dict[str, str]:
        return {pod: rg.http(pod, "/version").text.strip() for pod in sorted(rg.pods())}

    assert versions() == {"rg-0": "first", "rg-1": "first", "rg-2": "second"}
    rg.replace_pod("rg-0")
    assert versions() == {"rg-0": "first", "rg-1": "first", "rg-2": "second"}
    rg.refresh()
    rg.unchanged()
    # A third one, while the first is still in use; the second is not any more after it.
    rg.deploy(secret_env={"PASSWORD": "third"})
    for pod in ("rg-0", "rg-1", "rg-2"):
        rg.replace_pod(pod)
    assert versions() == {"rg-0": "first", "rg-1": "first", "rg-2": "third"}
    rg.deploy(canary=None)
    assert set(versions().values()) == {"third"}
    rg.unchanged()
    rg.deploy(secret_env={"PASSWORD": "fourth"})
    rg.deploy(secret_env={"PASSWORD": "fifth"})
    assert set(versions().values()) == {"fifth"}


@pytest.mark.long
def test_p10_files_roll_out_as_a_version_does(service: Make) -> None:
    """New text with a canary: a held-back instance keeps the file of its version, also in a new Pod."""
    logs = {"LOG_FILE": "/etc/files/random.log"}
    rg = service(env=logs, canary=1, config_files={"/etc/files/random.log": "one"}, secret_files={"/run/key": "x"})
    # The program cannot append to a file that is read-only, so it ends, and says so.
    rg.set(rollout_timeout_seconds=SOON)
    said = rg.must_fail("up", "--yes", "--skip-preview")
    assert "open /etc/files/random.log" in said, said
    rg.deploy(env=CHAPTER["env"], canary=None, rollout_timeout_seconds=None)
    rg.unchanged()
    rg.set(canary=1, config_files={"/etc/files/random.log": "two"}, secret_files={"/run/key": "y"})
    assert "rg-1: replaced (config_files, secret_files)" in rg.must("preview")
    rg.up()
    sources = {name: _sources(pod) for name, pod in rg.pods().items()}
    assert not sources["rg-0"] & sources["rg-1"]
    rg.replace_pod("rg-0")
    rg.replace_pod("rg-1")
    assert {name: _sources(pod) for name, pod in rg.pods().items()} == sources
    rg.refresh()
    rg.unchanged()
    rg.deploy(canary=None)
    rg.unchanged()


def test_files_and_variables_that_the_kubelet_fills_in(service: Make) -> None:
    """Resource limits are in the environment; a ConfigMap, a token and the Pod's labels are files."""
    volume = {
        "name": "identity",
        "mount_path": "/identity",
        "mode": "0440",
        "sources": [
            {"config_map": "kube-root-ca.crt", "items": {"ca.crt": "authority.pem"}},
            {"service_account_token": {"path": "token", "audience": "vault"}},
            {"pod_fields": {"labels": "metadata.labels"}},
        ],
    }
    memory = {"VERSION": {"resource": "limits.memory", "divisor": "1Mi"}}
    rg = service(projected_volumes=[volume], resources={"limits": {"memory": "96Mi"}}, env_from_resources=memory)
    rg.deploy()
    rg.unchanged()
    assert rg.http("rg-0", "/version").text.strip() == "96"
    files = STATE / "kubelet" / "pods" / rg.uids()["rg-0"] / "volumes" / "kubernetes.io~projected" / "identity"
    assert "BEGIN CERTIFICATE" in (files / "authority.pem").read_text()
    assert 'statefulset.kubernetes.io/pod-name="rg-0"' in (files / "labels").read_text()
    assert (files / "authority.pem").stat().st_mode & 0o777 == 0o440
    assert (files / "token").read_text().count(".") == 2


def test_a_file_that_only_its_owner_can_read(service: Make) -> None:
    """An init container copies a secret file, as docs/discovery.md shows: mode 0400, owned by the container's user."""
    copy = {
        "name": "private-files",
        "image": "etcd:3.7.3",
        "env": {"FROM": "/secrets/run.secrets.cookie", "TO": "/private/cookie"},
        "command": ["sh", "-c", "busybox cp -f $FROM $TO && busybox chmod 0400 $TO"],
        "mounts": [
            {"volume": "secret-files", "mount_path": "/secrets", "read_only": True},
            {"volume": "private", "mount_path": "/private"},
        ],
    }
    private = {"name": "private", "mount_path": "/private", "in_memory": True}
    rg = service(secret_files={"/run/secrets/cookie": "swordfish"}, scratch_volumes=[private], init_containers=[copy])
    rg.deploy(rollout_timeout_seconds=None)
    rg.unchanged()
    volumes = STATE / "kubelet" / "pods" / rg.uids()["rg-0"] / "volumes"
    cookie = volumes / "kubernetes.io~empty-dir" / "private" / "cookie"
    assert cookie.read_text() == "swordfish"
    assert (cookie.stat().st_mode & 0o777, cookie.stat().st_uid) == (0o400, 65532)


def _sources(pod: Any) -> set[str]:
    """The names of the ConfigMap and the Secret whose files a Pod mounts."""
    volumes = pod.spec.volumes
    return {each.configMap.name for each in volumes if each.configMap} | {
        each.secret.secretName for each in volumes if each.secret
    }


def test_secret_variables_are_nowhere_in_clear_text(service: Make) -> None:
    """The instance has the value; state, output, set, Pods and revisions do not show it."""
    rg = service(secret_env={"PASSWORD": "swordfish"}, env={"LOG_FILE": "/opt/logs/log", "VERSION": "$(PASSWORD)"})
    said = rg.run("preview", "--diff").stdout + rg.up("--diff", "--debug")
    assert rg.http("rg-0", "/version").text.strip() == "swordfish"
    before = rg.uids()
    rg.refresh()
    rg.unchanged()
    assert rg.uids() == before
    # A new value comes as a new version does.
    rg.set(secret_env={"PASSWORD": "marlin-spike"})
    said += rg.run("preview", "--diff").stdout + rg.up("--diff")
    assert {rg.http(pod, "/version").text.strip() for pod in rg.pods()} == {"marlin-spike"}
    assert not before.items() & rg.uids().items()
    state = rg.must("stack", "export")
    for secret in ("swordfish", "marlin-spike"):
        for seen in (said, state, json.dumps(rg.outputs()), shown(rg)):
            assert secret not in seen
    live = rg.client.get(Secret, rg.outputs()["secret_env_name"], namespace=rg.namespace)
    assert live.data is not None
    rg.destroy()
    eventually("the Secret is gone", lambda: not list(rg.client.list(Secret, namespace=rg.namespace)))
