"""The project's program, deployed: to the embedded cluster, or to a real one that the user names and confirms."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from local import cluster, engine, virtual_environment
from local.console import say
from local.errors import LocalError
from local.paths import CLONE, STATE

EMBEDDED_CONTEXT = "pulumi-stateful-service"
_STACKS = CLONE / "stacks"
_COMMANDS = {
    "up": "deploy the program",
    "preview": "show what up would change",
    "refresh": "take over what the cluster has",
    "down": "remove what up made; the claims, and with them the data, stay",
}


def run(command: str, stack: str, context: str) -> int:
    """Run one of Pulumi's operations on a stack."""
    own_config = _STACKS / f"Pulumi.{stack}.yaml"
    if not own_config.exists():
        known = ", ".join(sorted(path.name.split(".")[1] for path in _STACKS.glob("Pulumi.*.yaml")))
        raise LocalError(f"There is no stack {stack!r}: stacks/ has {known}. Choose one with STACK=.")
    virtual_environment.make(CLONE / "requirements.txt")
    if not context:
        cluster.up()
    environment = _environment(context)
    pulumi = Pulumi(environment, stack, own_config if context else _working_copy(own_config))
    if context:
        say(f"Stack {stack} on the cluster of context {context}.")
    if not pulumi.stack_exists():
        if command in ("down", "refresh"):
            say(f"Stack {stack} is not deployed.")
            return 0
        pulumi.make_stack()
    pulumi.must("config", "set", *pulumi.on_stack, "context", context or EMBEDDED_CONTEXT)
    # The embedded cluster is nobody's production; on a real one Pulumi shows the changes and asks.
    agreed = ["--yes", "--skip-preview"] if not context and command != "preview" else []
    status = pulumi.run("destroy" if command == "down" else command, *pulumi.on_stack, *agreed)
    if status == 0 and command == "up" and not context:
        _say_what_next(pulumi)
    return status


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


def _environment(context: str) -> dict[str, str]:
    lines = (shlex.split(line)[1].partition("=") for line in engine.exports(context).splitlines())
    return {**os.environ, **{name: value for name, _, value in lines}}


def _working_copy(own_config: Path) -> Path:
    """The stack's configuration where Pulumi may write to it, beside a copy of the project file.

    Pulumi adds the stack's salt and puts what it changes in another form; neither belongs into the repository.
    """
    folder = STATE / "program"
    copy = folder / _STACKS.name / own_config.name
    copy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(CLONE / "Pulumi.yaml", folder / "Pulumi.yaml")
    salt = (
        [line for line in copy.read_text().splitlines() if line.startswith("encryptionsalt:")] if copy.exists() else []
    )
    copy.write_text("\n".join([*salt, own_config.read_text()]))
    return copy


def _say_what_next(pulumi: Pulumi) -> None:
    outputs = json.loads(pulumi.answer("stack", "output", "--stack", pulumi.stack, "--json"))
    namespace = outputs["namespace"]
    say("\nWhat to try next:")
    say('  eval "$(make -s env)"                              # kubectl and pulumi for this shell')
    say(f"  kubectl -n {namespace} get pods,claims              # the instances and their disks")
    say(f"  make up STACK={pulumi.stack}                                # again: nothing changes")


if __name__ == "__main__":
    try:
        sys.exit(run(*sys.argv[1:4]))
    except LocalError as problem:
        say(f"error: {problem}")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
