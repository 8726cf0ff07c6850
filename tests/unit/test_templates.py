"""The templates for ``pulumi new``: each has what is promised, and all ask for the same."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from pulumi_stateful_service.testing import deploy_stack

ROOT = Path(__file__).parents[2]
TEMPLATES = ROOT / "templates"
SOURCES = {
    "python": ("__main__.py", "test_service.py", "requirements.txt"),
    "typescript": ("index.ts", "index.test.ts", "package.json", "tsconfig.json"),
    "go": ("main.go", "main_test.go", "go.mod"),
    "yaml": ("Pulumi.yaml", "test.sh"),
}
LANGUAGES = sorted(SOURCES)
COMMON = ("Pulumi.yaml", "Pulumi.dev.yaml", "Pulumi.prod.yaml", "README.md", ".github/workflows/preview.yml")
REPOSITORY = "github.com/pulumi-stateful-service/pulumi-stateful-service"


def folder(language: str) -> Path:
    return TEMPLATES / f"stateful-service-{language}"


def read(language: str, name: str) -> Any:
    return yaml.safe_load((folder(language) / name).read_text())


def steps(language: str) -> list[dict[str, Any]]:
    """The steps of the workflow's job."""
    found: list[dict[str, Any]] = read(language, ".github/workflows/preview.yml")["jobs"]["preview"]["steps"]
    return found


def test_there_is_a_template_for_each_language() -> None:
    """And no other; the page lists all of them."""
    assert sorted(each.name for each in TEMPLATES.iterdir()) == [f"stateful-service-{each}" for each in LANGUAGES]
    page = (ROOT / "docs" / "packages.md").read_text()
    assert not [each for each in LANGUAGES if f"(../templates/stateful-service-{each}/README.md)" not in page]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_template_has_its_files(language: str) -> None:
    """Program, stacks, unit test, workflow and README; nothing that a run leaves behind."""
    there = {str(each.relative_to(folder(language))) for each in folder(language).rglob("*") if each.is_file()}
    assert {each for each in there if "__pycache__" not in each} - {".gitignore"} == {*COMMON, *SOURCES[language]}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_template_asks_for_context_and_namespace(language: str) -> None:
    """What `pulumi new` asks for is the stack's own; it does not write over the sizes that the stacks have."""
    project = read(language, "Pulumi.yaml")
    assert (project["name"], project["description"]) == ("${PROJECT}", "${DESCRIPTION}")
    assert project["template"]["description"]
    asked = project["template"]["config"]
    assert {key: each.get("default") for key, each in asked.items()} == {
        "kubernetes:context": None,
        "kubernetes:namespace": "default",
    }
    assert all(each["description"] for each in asked.values())
    assert {key: each.get("default") for key, each in project["config"].items()} == {
        "image": "redis:8",
        "replicas": None,
        "size": None,
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_stacks_have_sizes_of_their_own(language: str) -> None:
    """The same in each language, and in the table of the README."""
    dev, prod = (read(language, f"Pulumi.{stack}.yaml")["config"] for stack in ("dev", "prod"))
    assert (dev, prod) == ({"replicas": 1, "size": "1Gi"}, {"replicas": 3, "size": "10Gi"})
    readme = (folder(language) / "README.md").read_text()
    assert f"| instances (`replicas`) | {dev['replicas']} | {prod['replicas']} |" in readme
    assert f"| disk of each (`size`) | {dev['size']} | {prod['size']} |" in readme


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_component_comes_from_its_repository(language: str) -> None:
    """In Python by pip, in the others by the engine."""
    if language == "python":
        [package] = re.findall(
            r"^pulumi-stateful-service @ (.+)$", (folder(language) / "requirements.txt").read_text(), re.MULTILINE
        )
        assert package == f"git+https://{REPOSITORY}#subdirectory=components"
        assert f'pip install "{package}"' in (ROOT / "README.md").read_text()
    else:
        assert read(language, "Pulumi.yaml")["packages"] == {"stateful-service": f"{REPOSITORY}/components"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_pull_request_is_previewed(language: str) -> None:
    """After the unit tests that the README names; both stacks, and not for pull requests from forks."""
    workflow = read(language, ".github/workflows/preview.yml")
    # YAML 1.1 reads `on` as a boolean.
    assert workflow[True] == "pull_request"
    job = workflow["jobs"]["preview"]
    assert "head.repo.full_name == github.repository" in job["if"]
    assert job["strategy"]["matrix"]["stack"] == ["dev", "prod"]
    assert steps(language)[-1]["with"]["command"] == "preview"
    names = [each.get("name", each.get("run", each.get("uses"))) for each in steps(language)]
    assert names.index("pulumi install") < names.index("Unit tests") < names.index("Kubeconfig")
    [command] = [each["run"] for each in steps(language) if each.get("name") == "Unit tests"]
    assert f"## Unit tests\n\n```sh\n{command}\n```\n" in (folder(language) / "README.md").read_text()


@pytest.mark.parametrize("language", ["typescript", "go", "yaml"])
def test_programs_in_other_languages_ask_for_the_same(language: str) -> None:
    """The words and numbers in the arguments are those of the Python program, in the same order."""
    assert literals(language) == literals("python")


def literals(language: str) -> list[str]:
    """The strings and numbers of a program's arguments, without what languages spell in their own way."""
    text = (folder(language) / SOURCES[language][0]).read_text()
    arguments = re.search(r"redis-server.*/data", text, re.DOTALL)
    assert arguments
    return re.findall(r"--?[a-z-]+|/\w+|\b(?:\d+|yes|no|redis-\w+|client|ping|data)\b", arguments[0])


def test_the_python_template_deploys() -> None:
    """Its Pods run as the user of the image, with the disk where Redis writes."""
    cache = deploy_stack("prod", folder("python")).service("cache")
    cache.assert_instances("cache-0", "cache-1", "cache-2")
    [container] = cache.stateful_set.spec["template"]["spec"]["containers"]
    assert container["image"] == "redis:8"
    assert container["command"][:3] == ["redis-server", "--dir", container["volumeMounts"][0]["mountPath"]]
    assert cache.stateful_set.spec["template"]["spec"]["securityContext"]["runAsUser"] == 999
