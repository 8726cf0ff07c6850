"""The project's program, deployed: to the embedded cluster, or to a real one that the user names and confirms."""

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
    config = own_config if context else _working_copy(own_config)
    pulumi = [shutil.which("pulumi", path=environment["PATH"]) or "pulumi"]
    on_stack = ["--stack", stack, "--config-file", str(config)]
    if context:
        say(f"Stack {stack} on the cluster of context {context}.")
    if not _exists(pulumi, stack, environment):
        if command == "down":
            say(f"Stack {stack} is not deployed.")
            return 0
        _check(subprocess.run([*pulumi, "stack", "init", stack, "--no-select"], cwd=CLONE, env=environment, check=False))
    _check(
        subprocess.run(
            [*pulumi, "config", "set", *on_stack, "context", context or EMBEDDED_CONTEXT],
            cwd=CLONE,
            env=environment,
            check=False,
        )
    )
    verb = "destroy" if command == "down" else command
    # The embedded cluster is nobody's production; on a real one Pulumi shows the changes and asks.
    agreed = [] if context or command == "preview" else ["--yes", "--skip-preview"]
    result = subprocess.run([*pulumi, verb, *on_stack, *agreed], cwd=CLONE, env=environment, check=False)
    if result.returncode == 0 and command == "up" and not context:
        _say_what_next(pulumi, stack, environment)
    return result.returncode


def _environment(context: str) -> dict[str, str]:
    lines = (shlex.split(line)[1].partition("=") for line in engine.exports(context).splitlines())
    return {**os.environ, **{name: value for name, _, value in lines}}


def _working_copy(own_config: Path) -> Path:
    """The stack's configuration where Pulumi may write to it: it adds the stack's salt, which is of no use to others."""
    copy = STATE / "stacks" / own_config.name
    copy.parent.mkdir(parents=True, exist_ok=True)
    salt = [line for line in copy.read_text().splitlines() if line.startswith("encryptionsalt:")] if copy.exists() else []
    copy.write_text("\n".join([*salt, own_config.read_text()]))
    return copy


def _exists(pulumi: list[str], stack: str, environment: dict[str, str]) -> bool:
    listed = subprocess.run(
        [*pulumi, "stack", "ls", "--json"], cwd=CLONE, env=environment, capture_output=True, text=True, check=False
    )
    return f'"name": "{stack}"' in listed.stdout


def _check(result: subprocess.CompletedProcess[bytes]) -> None:
    if result.returncode:
        raise LocalError("Pulumi said no; its message stands above.")


def _say_what_next(pulumi: list[str], stack: str, environment: dict[str, str]) -> None:
    say()


if __name__ == "__main__":
    try:
        sys.exit(run(*sys.argv[1:4]))
    except LocalError as problem:
        say(f"error: {problem}")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
