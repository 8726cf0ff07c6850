"""The project's program, deployed: to the embedded cluster, or to a real one that the user names and confirms.

Or rendered: written as manifests, for those who deploy with something else.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from local import cluster, engine, own_cluster, setup, virtual_environment
from local.console import say
from local.errors import LocalError
from local.paths import CLONE, PULUMI_STATE, STATE
from local.processes import heed_interrupts, is_running

EMBEDDED_CONTEXT = "pulumi-stateful-service"
_STACKS = CLONE / "stacks"
_SALT = "encryptionsalt:"


def run(command: str, stack: str, context: str, image: str = "") -> int:
    """Run one of Pulumi's operations on a stack; with ``image``, that one takes the place of the stack's."""
    own_config = _config_of(stack)
    virtual_environment.make(CLONE / "requirements.txt")
    if not context:
        setup.set_up()
    environment = {**os.environ, **engine.environment(context)}
    pulumi = Pulumi(environment, stack, own_config if context else _working_copy(own_config, STATE / "program"))
    if context:
        say(f"Stack {stack} on the cluster of context {context}.")
    if not pulumi.stack_exists():
        if command in ("down", "refresh"):
            say(f"Stack {stack} is not deployed.")
            return 0
        pulumi.make_stack()
    if not context and _is_locked_by_ended_process(stack):
        say(f"The last run on stack {stack} was killed; its lock is removed.")
        pulumi.must("cancel", "--yes", "--stack", stack)
    pulumi.must("config", "set", *pulumi.on_stack, "context", context or EMBEDDED_CONTEXT)
    if image:
        pulumi.must("config", "set", *pulumi.on_stack, "image", image)
    elif context and command == "up":
        own_cluster.bring_image(context)
    # The embedded cluster is nobody's production; on a real one Pulumi shows the changes and asks.
    options = ["--yes", "--skip-preview"] if not context and command != "preview" else []
    if command == "down":
        options += ["--suppress-outputs"]
    status = pulumi.run("destroy" if command == "down" else command, *pulumi.on_stack, *options)
    if status == 0 and command == "up" and not context:
        _say_what_next(pulumi)
    return status


def render(stack: str, target: Path) -> int:
    """Write a stack's manifests to a folder, which has nothing else afterwards. Neither a cluster nor a state is used.

    The state is a new one each time, so that everything is written, and what is deployed is not touched.
    """
    own_config = _config_of(stack)
    virtual_environment.make(CLONE / "requirements.txt")
    with tempfile.TemporaryDirectory() as scratch:
        state, manifests = Path(scratch, "state"), Path(scratch, "manifests")
        state.mkdir()
        environment = {
            **os.environ,
            # As for a real cluster: nothing of the embedded one is needed.
            **engine.environment(context="none"),
            "PULUMI_BACKEND_URL": engine.state_url(state),
            "KUBECONFIG": os.devnull,
            # It guards a state that is thrown away.
            "PULUMI_CONFIG_PASSPHRASE": "rendered",
        }
        pulumi = Pulumi(environment, stack, _working_copy(own_config, Path(scratch)))
        pulumi.make_stack()
        pulumi.must("config", "set", *pulumi.on_stack, "kubernetes:renderYamlToDirectory", str(manifests))
        pulumi.must("up", *pulumi.on_stack, "--yes", "--skip-preview", "--suppress-outputs")
        for part in manifests.iterdir():
            shutil.rmtree(target / part.name, ignore_errors=True)
            shutil.copytree(part, target / part.name)
    say(f"The manifests of stack {stack} are in {target}. What they can't do is in docs/gitops.md.")
    return 0


def _config_of(stack: str) -> Path:
    config = _STACKS / f"Pulumi.{stack}.yaml"
    if not config.exists():
        known = ", ".join(sorted(path.name.split(".")[1] for path in _STACKS.glob("Pulumi.*.yaml")))
        raise LocalError(f"There is no stack {stack!r}: stacks/ has {known}. Choose one with STACK=.")
    return config


class Pulumi:
    """Pulumi's command line, for one stack of the program."""

    def __init__(self, environment: dict[str, str], stack: str, config: Path) -> None:
        self.environment = environment
        self.stack = stack
        self.config = config
        self.program = shutil.which("pulumi", path=environment["PATH"]) or "pulumi"

    @property
    def on_stack(self) -> list[str]:
        """The options that choose the stack and its configuration."""
        return ["--stack", self.stack, "--config-file", str(self.config)]

    def run(self, *arguments: str, folder: Path = CLONE) -> int:
        """Run a command in the user's terminal."""
        return subprocess.run([self.program, *arguments], cwd=folder, env=self.environment, check=False).returncode

    def must(self, *arguments: str, folder: Path = CLONE) -> None:
        """Run a command that has to succeed."""
        if self.run(*arguments, folder=folder):
            raise LocalError(f"pulumi {arguments[0]} failed; its message stands above.")

    def answer(self, *arguments: str) -> str:
        """What a command prints."""
        result = subprocess.run(
            [self.program, *arguments], cwd=CLONE, env=self.environment, capture_output=True, text=True, check=False
        )
        if result.returncode:
            raise LocalError(f"pulumi {arguments[0]} failed:\n{result.stderr.strip()}")
        return result.stdout

    def stack_exists(self) -> bool:
        """Whether the backend knows the stack."""
        return any(
            known["name"].rpartition("/")[2] == self.stack for known in json.loads(self.answer("stack", "ls", "--json"))
        )

    def make_stack(self) -> None:
        """Make the stack. Pulumi writes its salt into the configuration beside the project file that it finds."""
        self.must("stack", "init", self.stack, "--no-select", folder=self.config.parents[1])


def _is_locked_by_ended_process(stack: str) -> bool:
    """Whether only Pulumis that have ended lock the stack: one that is killed leaves its lock in the state."""
    locks = list(PULUMI_STATE.glob(f".pulumi/locks/organization/*/{stack}/*.json"))
    return bool(locks) and not any(is_running(_holder(lock), "pulumi") for lock in locks)


def _holder(lock: Path) -> int:
    """The number of the process that made a lock; 0 where it was killed while it wrote that."""
    try:
        return int(json.loads(lock.read_text())["pid"])
    except ValueError:
        return 0


def _working_copy(own_config: Path, folder: Path) -> Path:
    """The stack's configuration in a folder where Pulumi may write to it, beside a copy of the project file.

    Pulumi adds the stack's salt and puts what it changes in another form; neither belongs into the repository.
    """
    copy = folder / _STACKS.name / own_config.name
    copy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(CLONE / "Pulumi.yaml", folder / "Pulumi.yaml")
    own = own_config.read_text()
    earlier = copy.read_text().splitlines() if copy.exists() and _SALT not in own else []
    salt = next((line for line in earlier if line.startswith(_SALT)), "")
    copy.write_text(f"{salt}\n{own}")
    return copy


def _say_what_next(pulumi: Pulumi) -> None:
    outputs = json.loads(pulumi.answer("stack", "output", "--stack", pulumi.stack, "--json"))
    kubectl = "kubectl" if outputs["namespace"] == "default" else f"kubectl -n {outputs['namespace']}"
    stack = "" if pulumi.stack == "dev" else f" STACK={pulumi.stack}"
    hints = [
        ('eval "$(make -s env)"', "kubectl and pulumi for this shell, on this cluster"),
        (f"{kubectl} get pods,pvc", "the instances and their disks"),
    ]
    if cluster.has_real_node():
        pod_address = f"$({kubectl} get pod rg-0 -o jsonpath={{.status.podIP}})"
        hints += [
            (f"curl http://{pod_address}:8080/", "a random number; rg-0 appends it to its log"),
            (f"{kubectl} delete pod rg-0", "its successor has the same name, the same disk and the same log"),
            (f"curl http://{pod_address}:8080/logs", "the log"),
            (f"{kubectl} logs rg-0", "what the process says"),
        ]
        if outputs.get("loadBalancer"):
            service = f"$({kubectl} get service random-generator-lb -o jsonpath={{.spec.clusterIP}})"
            hints.insert(3, (f"curl http://{service}/", "any instance answers"))
    hints += [
        (f"$EDITOR stacks/Pulumi.{pulumi.stack}.yaml; make up{stack}", "scale: change replicas"),
        (f"make down{stack}", "removes it; the disks stay, and the next up finds them"),
    ]
    say("\nWhat to try next:")
    for command, meaning in hints:
        say(f"  {command}\n      {meaning}")


if __name__ == "__main__":
    heed_interrupts()
    try:
        sys.exit(render(sys.argv[2], Path(sys.argv[3])) if sys.argv[1] == "render" else run(*sys.argv[1:5]))
    except LocalError as problem:
        say(f"error: {problem}")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
