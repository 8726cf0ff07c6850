"""The examples name the images that they run with, and those that the cluster tests run are made in their likeness."""

import os
import shutil
import subprocess
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from pulumi_stateful_service.testing import deploy_stack

from local import images

EXAMPLES = Path(__file__).parents[2] / "examples"
SECRETS = {"password": "known", "cookie": "known", "adminPassword": "known"}


NAMES = ("etcd", "galera", "kafka", "nats", "postgresql", "rabbitmq", "redis", "strongbox", "valkey", "zookeeper")


@pytest.fixture(params=NAMES)
def example(request: pytest.FixtureRequest) -> str:
    """Each example with an image of its own."""
    return str(request.param)


@pytest.fixture
def pod(example: str, tmp_path: Path) -> dict[str, Any]:
    """Its Pods' specification, with the defaults of the stack."""
    folder = shutil.copytree(EXAMPLES / example, tmp_path / example, ignore=shutil.ignore_patterns(".venv"))
    (folder / "Pulumi.trial.yaml").write_text("config: {}\n")
    # Groups of one example have the same image and mounts.
    stateful_set, *_ = deploy_stack("trial", folder, config=SECRETS).service(example).stateful_sets
    spec: dict[str, Any] = stateful_set.spec["template"]["spec"]
    return spec


def _image(name: str) -> images.Image:
    """The image that the embedded cluster has under a name."""
    named = {each.reference.removeprefix("docker.io/").removeprefix("library/"): each for each in images.EXAMPLES}
    return named[name]


def _containers(pod: dict[str, Any]) -> list[dict[str, Any]]:
    return [*pod["containers"], *pod.get("initContainers", [])]


def test_the_readme_names_the_images_that_run(example: str, pod: dict[str, Any]) -> None:
    """All of them, with their tags; the embedded cluster has one of each name to test with, and the rest is said."""
    readme = (EXAMPLES / example / "README.md").read_text()
    assert "Not covered by a test: " in " ".join(readme.split())
    for container in _containers(pod):
        assert f"`{container['image']}`" in readme
        assert _image(container["image"])


def test_only_an_example_that_says_so_runs_as_the_user_of_its_image(example: str, pod: dict[str, Any]) -> None:
    """PostgreSQL looks its user up; the others run as one whom their image does not know, in the tests too."""
    user = str(pod["securityContext"]["runAsUser"])
    known = {_image(container["image"]).user.partition(":")[0] for container in _containers(pod)}
    assert known == {"999"} and user == "999" if example == "postgresql" else user not in known


def test_data_are_on_the_disk_and_not_in_a_volume_of_the_image(pod: dict[str, Any]) -> None:
    """What an image declares as a volume is empty in each container, unless exactly this path is mounted."""
    for container in _containers(pod):
        declared = [PurePosixPath(folder) for folder in _image(container["image"]).volumes]
        for mount in container.get("volumeMounts", []):
            path = PurePosixPath(mount["mountPath"])
            assert not [folder for folder in declared if path in folder.parents], path


@pytest.mark.parametrize(
    ("online", "free", "vhosts", "is_alive"),
    [
        ("rabbit@a, rabbit@b", 200_000, "/", True),
        ("rabbit@a", 200_000, "/", False),
        ("", 200_000, "/", False),
        ("", 4, "/", True),
        (
            "rabbit@a, rabbit@b",
            200_000,
            "Error:\n{:aborted, {:no_exists, [:rabbit_vhost, {:vhost, :_, :_, :_}]}}",
            False,
        ),
        ("rabbit@a, rabbit@b", 200_000, "Error: unable to perform an operation on node 'rabbit@b'.", True),
    ],
)
def test_a_rabbitmq_server_starts_again_when_its_replica_does_not_run(
    online: str, free: int, vhosts: str, is_alive: bool, tmp_path: Path
) -> None:
    """Not while its disk has no space or it is starting, nor for the replica of another one."""
    queues = f"[rabbit@a, rabbit@b]\t[{online}]"
    shown = f"case $2 in list_vhosts) echo \"$VHOSTS\" ;; *) echo '{queues}' ;; esac"
    for name, script in (("rabbitmqctl", shown), ("df", f"echo Avail; echo {free}")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    env = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "POD_ADDRESS": "b", "VHOSTS": vhosts}
    assert (subprocess.run(["sh", EXAMPLES / "rabbitmq/alive.sh"], env=env, check=False).returncode == 0) is is_alive
