"""P16: the component from TypeScript: the compiler knows its types, mocks stand in for it, and a program deploys it."""

import json
import os
import re
import shutil
from pathlib import Path

import pytest
import sdks
from harness import ROOT, Project, client_for, environment, printed
from template_projects import (
    deploys,
    new,
    previews_both_stacks,
    programs_first,
    template,
    unit_tests,
    with_plugin,
)

from local import binaries, pins

HERE = Path(__file__).parent
PLUGIN = "pulumi-resource-stateful-service"
PACKAGES = {"@pulumi/pulumi": "3.257.0", "typescript": "5.9.3", "@types/node": "20.19.25"}
COMPILER = {
    "strict": True,
    "noEmitOnError": True,
    "skipLibCheck": True,
    "esModuleInterop": True,
    "target": "es2020",
    "module": "commonjs",
    "moduleResolution": "node",
    "outDir": "bin",
}

FLAGS = re.DOTALL | re.MULTILINE

MIRROR = """\
(args) => {
    if (args.type !== "kubernetes:apps/v1:StatefulSet") return undefined;
    args.props.spec.template.spec.containers[0].image = "random-generator:2.0";
    return {props: args.props, opts: args.opts};
}
"""
"""A transform of the component: it reaches what the plugin registers.

The newest language host that can be built here passes transforms of single resources on, but not the stack's.
"""


def node(folder: Path, *command: str) -> None:
    """Runs a command of Node.js, which comes with the tests' Python packages."""
    env = {**os.environ, "PATH": f"{ROOT / '.venv' / 'bin'}:{os.environ['PATH']}"}
    printed(*command, env=env, folder=folder, timeout=300)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program's folder, with the generated SDK and what it needs of npm's packages."""
    folder = tmp_path_factory.mktemp("program")
    sdk = folder / "sdk"
    sdks.generate("nodejs", sdk)
    for file in ("program.ts", "mocks.ts"):
        shutil.copy(HERE / file, folder)
    page = (ROOT / "docs" / "_index.md").read_text()
    (folder / "registry.ts").write_text(page.split("```typescript\n")[1].split("```")[0])
    reference = re.findall(r"^```typescript\n(.*?)^```$", (ROOT / "docs" / "arguments.md").read_text(), FLAGS)
    examples = {f"example{number}.ts": code for number, code in enumerate(reference)}
    for name, code in examples.items():
        (folder / name).write_text(code)
    (folder / "package.json").write_text(
        json.dumps({"name": "program", "main": "bin/program.js", "dependencies": PACKAGES})
    )
    (folder / "tsconfig.json").write_text(
        json.dumps({"compilerOptions": COMPILER, "files": ["program.ts", "mocks.ts", "registry.ts", *examples]})
    )
    node(folder, "npm", "install", "--no-audit", "--no-fund", "--loglevel=error")
    # As npm links a local package; its own dependencies are the program's.
    package = folder / "node_modules" / "@pulumi-stateful-service" / "stateful-service"
    package.parent.mkdir()
    (sdk / "node_modules").symlink_to(folder / "node_modules")
    node(sdk, "npx", "tsc", "--outDir", "bin")
    shutil.copytree(sdk / "bin", package)
    shutil.copy(sdk / "package.json", package)
    return folder


def test_the_compiler_takes_what_is_right_and_nothing_else(program: Path) -> None:
    """``program.ts`` has good lines and bad ones, each bad one marked; the registry's and the reference's compile."""
    assert len([*program.glob("example*.ts")]) > 50
    node(program, "npx", "tsc", "--project", ".")


def test_every_property_is_described(program: Path) -> None:
    """Editors show the descriptions: in the SDK each argument has one."""
    arguments = (program / "sdk" / "statefulService.ts").read_text().split("export interface StatefulServiceArgs")[1]
    lines = [line.strip() for line in arguments.splitlines()]
    names = [at for at, line in enumerate(lines) if ": pulumi.Input<" in line or line.endswith("[];")]
    assert len(names) > 50
    assert [lines[at] for at in names if lines[at - 1] != "*/"] == []


def test_a_unit_test_with_mocks(program: Path) -> None:
    """Without engine, plugin or cluster."""
    node(program, "npx", "tsc", "--project", ".")
    node(program, "node", "bin/mocks.js")


def test_p16_a_typescript_program_deploys_the_component(program: Path, namespace: str) -> None:
    """By the plugin, with a language host that is built here; a mistake is told in the program's own words."""
    runtime = {"name": "nodejs", "options": {"typescript": False}}
    (program / "Pulumi.yaml").write_text(json.dumps({"name": "typescript", "runtime": runtime}))
    node(program, "npx", "tsc", "--project", ".")
    plugin = program / "plugin"
    plugin.mkdir()
    (plugin / PLUGIN).symlink_to(ROOT / ".venv" / "bin" / PLUGIN)
    host = binaries.folder([pins.binary("pulumi-language-nodejs")])
    env = environment()
    env["PATH"] = f"{host}:{plugin}:{env['PATH']}"
    project = Project(program, env)
    project.init()
    project.must("config", "set", "namespace", namespace)
    try:
        project.up()
        project.unchanged()
        assert project.outputs()["addresses"] == [f"db-{n}.db.{namespace}.svc.cluster.local" for n in range(2)]
        script = program / "bin" / "program.js"
        as_compiled = script.read_text()
        end = "terminationGracePeriodSeconds: 1,\n}"
        script.write_text(as_compiled.replace(end, f"{end}, {{transforms: [{MIRROR}]}}"))
        assert "db-1, db-0: replaced one after another (image)" in project.must("preview")
        script.write_text(as_compiled)
        script.write_text(script.read_text().replace("terminationGracePeriodSeconds: 1", "minReadySeconds: -1"))
        refused = project.must_fail("preview")
        assert "minReadySeconds is -1; it must be" in refused
    finally:
        project.destroy()


def test_p16_the_typescript_template(namespace: str, tmp_path: Path) -> None:
    """With the SDK that ``pulumi install`` generates: its unit tests pass, and it is previewed and deployed."""
    made = template("typescript", tmp_path, None)
    sdks.generate("nodejs", made / sdks.IN_PROJECT)
    host = binaries.folder([pins.binary("pulumi-language-nodejs")])
    shop = new(made, tmp_path, programs_first(with_plugin(environment(), tmp_path), host), namespace)
    unit_tests(shop)
    previews_both_stacks(shop, namespace)
    with client_for(shop.env) as client:
        deploys(shop, client, namespace)
