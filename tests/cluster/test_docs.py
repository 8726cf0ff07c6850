"""The sequences in docs/ run as they stand."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from documents import canary_versions
from harness import ROOT, absent_as_none, environment, eventually, printed
from lightkube import Client
from lightkube.resources.core_v1 import PersistentVolume, PersistentVolumeClaim, Pod

pytestmark = pytest.mark.usefixtures("program_stacks")


@pytest.fixture
def clone(tmp_path: Path) -> Iterator[Path]:
    """A copy of the repository as it is, for commands that change it."""
    listed = printed("git", "ls-files", "--cached", "--others", "--exclude-standard")
    for name in listed.splitlines():
        if (ROOT / name).is_file():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tmp_path / name)
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    yield tmp_path
    for stack in ("dev", "prod"):
        subprocess.run(["make", "down", f"STACK={stack}"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        claims = [
            "kubectl",
            "-n",
            "default" if stack == "dev" else stack,
            "delete",
            "pvc",
            "-l",
            "app.kubernetes.io/name=rg",
        ]
        subprocess.run(claims, env=environment(), check=True, stdout=subprocess.DEVNULL)


def run(clone: Path, *lines: str) -> None:
    """Runs lines of a sequence as one script."""
    printed("bash", "-ec", "\n".join(lines), folder=clone)


def first_line_of(client: Client, namespace: str, pod: str) -> str:
    """What an instance wrote first; it writes one line if it has none."""
    live: Any = client.get(Pod, pod, namespace=namespace)
    address = f"http://{live.status.podIP}:8080"
    if not httpx2.get(f"{address}/logs").text:
        httpx2.get(address).raise_for_status()
    return httpx2.get(f"{address}/logs").text.splitlines()[0]


def sequence(document: str, heading: str) -> list[str]:
    """The shell commands of the first block under a heading."""
    section = (ROOT / "docs" / document).read_text().split(f"## {heading}\n")[1]
    found = re.search(r"```sh\n(.*?)```", section, re.DOTALL)
    assert found
    return found[1].splitlines()


def test_the_canary_of_the_rollouts_page(clone: Path, client: Client) -> None:
    """Each step of the documented canary ends with the versions that its picture shows."""

    def versions() -> list[str]:
        pods: Any = client.list(Pod, namespace="prod", labels={"app.kubernetes.io/name": "rg"})
        return [
            pod.spec.containers[0].image.partition(":")[2] for pod in sorted(pods, key=lambda pod: pod.metadata.name)
        ]

    after_each: list[list[str]] = []
    before: list[str] = []
    for line in sequence("rollouts.md", "Canary"):
        before.append(line)
        if line.startswith(("pulumi up", "make up")):
            run(clone, *before)
            after_each.append(versions())
            before = before[:1]
    assert after_each == canary_versions()
    assert len(after_each) == 4


def test_growing_as_the_storage_page_describes(clone: Path, client: Client) -> None:
    """After the sequence both disks have the new size."""
    run(clone, *sequence("storage.md", "Volume expansion"))
    claims: Any = client.list(PersistentVolumeClaim, namespace="default", labels={"app.kubernetes.io/name": "rg"})
    assert [claim.status.capacity["storage"] for claim in claims] == ["20Mi", "20Mi"]


@pytest.mark.parametrize(
    ("heading", "storage_class"),
    [
        pytest.param("Move volumes to another storage class", "standard", marks=pytest.mark.long),
        ("Restore", "random-generator-prod-rg"),
    ],
)
def test_volumes_are_restored_as_the_volumes_page_describes(
    clone: Path, client: Client, heading: str, storage_class: str
) -> None:
    """After the sequence rg-0 has its data, on a claim of the class that the page names."""
    settings, up, *rest = sequence("volumes.md", heading)
    run(clone, settings, up)
    written = first_line_of(client, "prod", "rg-0")
    run(clone, settings, *rest)
    assert first_line_of(client, "prod", "rg-0") == written
    claim: Any = client.get(PersistentVolumeClaim, "logs-rg-0", namespace="prod")
    assert claim.spec.storageClassName == storage_class


def test_deleting_for_good_as_the_storage_page_describes(clone: Path, client: Client) -> None:
    """After the sequence there is neither a claim nor a volume left."""
    *before, delete = sequence("storage.md", "Delete the data")
    run(clone, *before)
    claims: Any = client.list(PersistentVolumeClaim, namespace="default", labels={"app.kubernetes.io/name": "rg"})
    volumes = [claim.spec.volumeName for claim in claims]
    assert len(volumes) == 2
    run(clone, before[0], delete)
    eventually("the volumes are gone", lambda: not [v for v in volumes if there(client, v)])


def there(client: Client, volume: str) -> bool:
    """Whether a volume still exists."""
    return absent_as_none(lambda: client.get(PersistentVolume, volume)) is not None
