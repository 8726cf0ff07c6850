"""P16: the component from Go: the compiler knows its types, and a program deploys it."""

import shutil
from pathlib import Path

import pytest
import sdks
from harness import ROOT, CommandError, environment, printed
from template_projects import new, previews_both_stacks, programs_first, template, unit_tests, with_plugin

from local import binaries, go_toolchain, pins
from local.paths import SOURCE

HERE = Path(__file__).parent
MODULE = "github.com/pulumi-stateful-service/pulumi-stateful-service"
PLUGIN = "pulumi-resource-stateful-service"
PINS = SOURCE / "modules" / "sdk-generator"
SETTINGS = {**go_toolchain.environment(), "GOFLAGS": "-mod=mod -buildvcs=false -trimpath"}


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Go module with the generated SDK, the program of the registry's page, and one that deploys itself."""
    folder = tmp_path_factory.mktemp("module")
    sdks.generate("go", folder / "sdk" / "go")
    (folder / "sdk" / "go" / "go.mod").unlink()  # a package of this module, at the same path
    for name in ("deploy", "registry"):
        (folder / name).mkdir()
    shutil.copy(HERE / "program.go", folder / "deploy" / "main.go")
    page = (ROOT / "docs" / "_index.md").read_text()
    (folder / "registry" / "main.go").write_text(page.split("```go\n")[1].split("```")[0])
    (folder / "go.mod").write_text(pinned(MODULE))
    shutil.copy(PINS / "go.sum", folder)
    return folder


def pinned(module: str) -> str:
    """A go.mod with Pulumi's SDK, and all that it depends on, pinned as in the generator's own module."""
    return (PINS / "go.mod").read_text().replace("stateful-service.local/sdk-generator", module, 1)


def go(folder: Path, *arguments: str) -> str:
    """What Go prints."""
    return printed(str(go_toolchain.find()), *arguments, env=SETTINGS, folder=folder, timeout=600)


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


def test_p16_the_go_template(namespace: str, tmp_path: Path) -> None:
    """With the SDK that ``pulumi install`` generates: its unit tests pass, and both stacks have a preview."""
    made = template("go", tmp_path, None)
    sdks.generate("go", made / sdks.IN_PROJECT)
    # At the releases that are compiled already; ``pulumi new`` tidies it.
    own = (made / "go.mod").read_text().partition("\n\nrequire")
    (made / "go.mod").write_text(pinned("shop") + own[1] + own[2])
    shutil.copy(PINS / "go.sum", made)
    host = binaries.folder([pins.binary("pulumi-language-go")])
    env = {**SETTINGS, **with_plugin(environment(), tmp_path)}
    shop = new(made, tmp_path, programs_first(env, host, go_toolchain.find().parent), namespace)
    assert "ok" in unit_tests(shop)
    previews_both_stacks(shop, namespace)
