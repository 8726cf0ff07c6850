"""P16: the component from Go: the compiler knows its types, and a program deploys it."""

import shutil
from pathlib import Path

import pytest
from harness import ROOT, CommandError, environment, printed

from local import binaries, go_toolchain, pins
from local.paths import SOURCE

HERE = Path(__file__).parent
MODULE = "github.com/pulumi-stateful-service/pulumi-stateful-service"
PLUGIN = "pulumi-resource-stateful-service"


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Go module with the generated SDK, the program of the registry's page, and one that deploys itself."""
    folder = tmp_path_factory.mktemp("module")
    generator = binaries.folder([pins.binary("sdk-generator")]) / "sdk-generator"
    printed(str(generator), str(ROOT / "components" / "schema.json"), "go", str(folder / "generated"))
    (folder / "sdk" / "go").mkdir(parents=True)
    (folder / "generated" / "statefulservice").rename(folder / "sdk" / "go" / "stateful-service")
    for name in ("deploy", "registry"):
        (folder / name).mkdir()
    shutil.copy(HERE / "program.go", folder / "deploy" / "main.go")
    page = (ROOT / "docs" / "_index.md").read_text()
    (folder / "registry" / "main.go").write_text(page.split("```go\n")[1].split("```")[0])
    # The generator's own module has Pulumi's SDK, and all that it depends on, pinned.
    pinned = (SOURCE / "modules" / "sdk-generator" / "go.mod").read_text()
    (folder / "go.mod").write_text(pinned.replace("stateful-service.local/sdk-generator", MODULE, 1))
    shutil.copy(SOURCE / "modules" / "sdk-generator" / "go.sum", folder)
    return folder


def go(folder: Path, *arguments: str) -> str:
    """What Go prints."""
    env = {**go_toolchain.environment(), "GOFLAGS": "-mod=mod"}
    return printed(str(go_toolchain.find()), *arguments, env=env, folder=folder, timeout=600)


def test_the_compiler_takes_what_is_right_and_nothing_else(module: Path) -> None:
    """The example of the registry's page compiles; with a number as text, or a misspelt argument, it does not."""
    go(module, "build", "-o", "bin/registry", "./registry")
    example = (module / "registry" / "main.go").read_text()
    for right, wrong, said in (
        ("pulumi.Int(3)", 'pulumi.String("3")', "cannot use pulumi.String"),
        ("Replicas:", "Replica:", "unknown field Replica"),
    ):
        (module / "registry" / "main.go").write_text(example.replace(right, wrong))
        with pytest.raises(CommandError, match=said):
            go(module, "build", "-o", "bin/registry", "./registry")
    (module / "registry" / "main.go").write_text(example)


def test_p16_a_go_program_deploys_the_component(module: Path, namespace: str) -> None:
    """By the plugin, to the cluster; a second time there is nothing to create or to update."""
    go(module, "build", "-o", "bin/deploy", "./deploy")
    plugin = module / "plugin"
    plugin.mkdir()
    (plugin / PLUGIN).symlink_to(ROOT / ".venv" / "bin" / PLUGIN)
    env = environment()
    env["PATH"] = f"{plugin}:{env['PATH']}"
    program = [str(module / "bin" / "deploy")]
    try:
        service = f"db.{namespace}.svc.cluster.local"
        assert printed(*program, "up", str(module), namespace, env=env).split()[0] == service
        assert printed(*program, "up", str(module), namespace, env=env).split() == [service, "0"]
    finally:
        printed(*program, "destroy", str(module), namespace, env=env)
