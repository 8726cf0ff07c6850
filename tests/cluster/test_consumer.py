"""P16: another stack learns the instances' names from the outputs, and reaches them."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import ROOT, Project, printed


@pytest.fixture
def service(env: dict[str, str], tmp_path: Path, namespace: str) -> Iterator[Project]:
    """The repository's own program in a namespace of the test's, deployed."""
    folder = tmp_path / "service"
    folder.mkdir()
    for name in ("Pulumi.yaml", "__main__.py"):
        shutil.copy2(ROOT / name, folder / name)
    (folder / "stacks").mkdir()
    project = Project(folder, env)
    project.init()
    project.must("config", "set", "namespace", namespace)
    project.must("config", "set", "storageSize", "10Mi")
    project.must("config", "set", "--path", "loadBalancer.port", "80")
    project.up()
    yield project
    project.run("destroy", "--yes", "--skip-preview")


@pytest.fixture
def consumer(service: Project, tmp_path: Path, namespace: str) -> Iterator[Project]:
    """The example, on the service's backend, not deployed."""
    folder = tmp_path / "consumer"
    shutil.copytree(ROOT / "examples" / "consumer", folder, ignore=shutil.ignore_patterns("Pulumi.*.yaml", ".venv"))
    project = Project(folder, service.env)
    project.env = service.env
    project.init()
    project.must("config", "set", "service", f"organization/random-generator/{service.stack}")
    project.must("config", "set", "namespace", namespace)
    yield project
    project.run("destroy", "--yes", "--skip-preview")


def answer(project: Project, namespace: str, container: str) -> dict[str, object]:
    """The answer that the Job's client received."""
    said = printed("kubectl", "--namespace", namespace, "logs", "job/ask", "--container", container, env=project.env)
    return dict(json.loads(said))


def test_p16_another_stack_reaches_an_instance_by_its_name(consumer: Project, namespace: str) -> None:
    """The named instance answers, and any instance at the load balancer's address; a second up changes nothing."""
    consumer.up()
    assert answer(consumer, namespace, "one")["instance"] == "rg-0"
    assert str(answer(consumer, namespace, "any")["instance"]).startswith("rg-")
    consumer.unchanged()
    consumer.must("config", "set", "instance", "rg-1")
    consumer.up()
    assert answer(consumer, namespace, "one")["instance"] == "rg-1"


def test_p16_an_instance_that_is_not_there_is_named(consumer: Project) -> None:
    """One message lists the existing instances."""
    consumer.must("config", "set", "instance", "rg-7")
    said = consumer.must_fail("preview")
    assert "There is no instance 'rg-7': the service has rg-0, rg-1." in said
    assert "Traceback" not in said
