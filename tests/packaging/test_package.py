"""The package as others get it: what is in it, and that it installs wherever it comes from."""

import json
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc  # type: ignore[import-untyped]
import pytest
import yaml
from documents import files
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

ROOT = Path(__file__).parents[2]
UV = Path(sys.executable).with_name("uv")
PACKAGE = ROOT / "components" / "pulumi_stateful_service"
REPORT = PACKAGE.with_name("pulumi_stateful_service_report")
MODULES = {str(path.relative_to(ROOT / "components")) for each in (PACKAGE, REPORT) for path in each.rglob("*.py")}
WAYS = ("wheel", "path", "git")


def run(*command: str | Path, folder: Path = ROOT) -> str:
    """What a command prints; it has to succeed."""
    result = subprocess.run(
        command, cwd=folder, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert result.returncode == 0, result.stdout
    return result.stdout


@pytest.fixture(scope="session")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone's ``components/`` as the working tree has it, with nothing that was made beside it."""
    folder = tmp_path_factory.mktemp("clone") / "components"
    listed = run("git", "ls-files", "--cached", "--others", "--exclude-standard", "components").splitlines()
    for name in listed:
        if (ROOT / name).is_file():
            copy = folder.parent / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy)
    return folder


@pytest.fixture(scope="session")
def distributions(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel that was built from it."""
    folder = tmp_path_factory.mktemp("dist")
    run(UV, "build", "--quiet", sources, "--out-dir", folder)
    return folder


def test_wheel_and_sdist_have_the_package_and_nothing_else(distributions: Path) -> None:
    """All modules, the marker of types, the note that there is no plugin to fetch, the licence."""
    (wheel,) = distributions.glob("*.whl")
    (sdist,) = distributions.glob("*.tar.gz")
    package = {*MODULES, f"{PACKAGE.name}/py.typed", f"{PACKAGE.name}/pulumi-plugin.json"}
    package |= {f"{REPORT.name}/py.typed", f"{REPORT.name}/report.schema.json"}
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name for name in names if ".dist-info/" not in name} == package
    assert any(name.endswith("licenses/LICENSE") for name in names)
    with tarfile.open(sdist) as archive:
        names = [name.partition("/")[2] for name in archive.getnames()]
    beside = {"README.md", "LICENSE", "pyproject.toml", "PKG-INFO"}
    # Hatchling adds the .gitignore that it went by, where there is one.
    assert set(names) - {".gitignore"} == package | beside


@pytest.mark.parametrize("way", WAYS)
def test_it_installs_into_an_empty_environment(way: str, sources: Path, distributions: Path, tmp_path: Path) -> None:
    """By wheel, path and git subdirectory; the documented unit test passes, and the plugin is there."""
    environment = tmp_path / "environment"
    run(UV, "venv", "--quiet", "--python", sys.executable, environment)
    install(environment, source(way, sources, distributions, tmp_path))
    install(environment, "pytest")
    shop = tmp_path / "shop"
    shop.mkdir()
    for name, content in files("packages.md", "Python").items():
        (shop / name).write_text(content)
    assert "1 passed" in run(environment / "bin" / "python", "-m", "pytest", "-q", folder=shop)
    assert json.loads(served(environment / "bin" / "pulumi-resource-stateful-service")) == schema()
    assert "--fail-on" in run(environment / "bin" / "pulumi-stateful-service", "report", "--help")


def source(way: str, sources: Path, distributions: Path, scratch: Path) -> str:
    """What to give to pip."""
    if way == "path":
        return str(sources)
    if way == "git":
        repository = scratch / "repository"
        subprocess.run(["cp", "-r", sources.parent, repository], check=True)
        git = ("git", "-c", "user.name=test", "-c", "user.email=test@example.com")
        run(*git, "init", "--quiet", folder=repository)
        run(*git, "add", "--all", folder=repository)
        run(*git, "commit", "--quiet", "--message", "All", folder=repository)
        return f"git+file://{repository}#subdirectory=components"
    (wheel,) = distributions.glob("*.whl")
    return str(wheel)


def install(environment: Path, requirement: str) -> None:
    run(UV, "pip", "install", "--quiet", "--python", environment / "bin" / "python", requirement)


def test_pulumi_can_install_and_start_the_folder(sources: Path) -> None:
    """What Pulumi's own Python host does with PulumiPlugin.yaml: an environment, requirements.txt, __main__.py."""
    options = yaml.safe_load((sources / "PulumiPlugin.yaml").read_text())["runtime"]["options"]
    assert options["toolchain"] == "pip"
    environment = sources / options["virtualenv"]
    run(sys.executable, "-m", "venv", environment)
    python = environment / "bin" / "python"
    run(python, "-m", "pip", "install", "--quiet", "-r", "requirements.txt", folder=sources)
    assert json.loads(served(python, sources)) == schema()


def served(*command: str | Path) -> str:
    """The schema that a plugin serves."""
    with started(*command) as port, grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        answer = provider_pb2_grpc.ResourceProviderStub(channel).GetSchema(provider_pb2.GetSchemaRequest(), timeout=60)
    return str(answer.schema)


@contextmanager
def started(*command: str | Path) -> Iterator[int]:
    """A plugin that runs, by the port that it says; the engine's address is one where nobody answers."""
    process = subprocess.Popen([*command, "127.0.0.1:1"], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.communicate()


def schema() -> object:
    """The checked-in schema, as a plugin serves it."""
    content = json.loads((ROOT / "components" / "schema.json").read_text())
    del content["config"]
    return {**content, "dependencies": []}


def test_its_types_reach_the_user(distributions: Path, tmp_path: Path) -> None:
    """A type checker takes the documented program, and finds a mistake in it."""
    environment = tmp_path / "environment"
    run(UV, "venv", "--quiet", "--python", sys.executable, environment)
    (wheel,) = distributions.glob("*.whl")
    install(environment, str(wheel))
    program = tmp_path / "__main__.py"
    right = files("packages.md", "Python")["__main__.py"]
    wrong = right.replace('"replicas": 2', '"replica": 2')
    for content, expected in ((right, "Success"), (wrong, "replica")):
        program.write_text(content)
        python = str(environment / "bin" / "python")
        command = [sys.executable, "-m", "mypy", "--strict", "--python-executable", python, str(program)]
        checked = subprocess.run(command, cwd=tmp_path, check=False, stdout=subprocess.PIPE, text=True)
        assert expected in checked.stdout, checked.stdout


def test_the_documented_versions_are_the_packages_own() -> None:
    """docs/packages.md names the bounds that pyproject.toml has."""
    project = tomllib.loads((ROOT / "components" / "pyproject.toml").read_text())["project"]
    text = " ".join((ROOT / "docs" / "packages.md").read_text().split())
    assert f"Python {project['requires-python'].removeprefix('>=')} and newer" in text
    for name in ("pulumi", "pulumi-kubernetes"):
        (bound,) = (each for each in project["dependencies"] if each.startswith(f"{name}>="))
        assert f"{name} from {bound.removeprefix(f'{name}>=').partition(',')[0]}" in text
