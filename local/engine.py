"""Which Pulumi is used, and the settings it works with.

A Pulumi on PATH that is new enough is used as it is; otherwise one is built, and the Kubernetes provider with it. For
the embedded cluster Pulumi gets a home and a state of its own; for a real cluster the user's own Pulumi keeps its own.
"""

import os
import re
import shlex
import shutil
from pathlib import Path

from local import binaries, cluster, commands, kubernetes, pins
from local.console import last_lines, step
from local.errors import LocalError
from local.locks import locked
from local.paths import CACHE, CLONE, KUBECONFIG, PULUMI_HOME, PULUMI_REAL_STATE, PULUMI_STATE

PROVIDER_VARIABLE = "STATEFUL_SERVICE_PROVIDER"
"""The path of another build of the Kubernetes provider, to run the program and the cluster tests with."""

_PLUGIN = PULUMI_HOME / "plugins" / f"resource-kubernetes-v{pins.KUBERNETES_PROVIDER}"


def installed() -> Path | None:
    """The user's own Pulumi, if it is new enough; never one of ours that an earlier `env` has put on PATH."""
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        found = shutil.which("pulumi", path=folder or os.curdir)
        if found and not Path(found).resolve().is_relative_to(CACHE.resolve()):
            return Path(found) if _version(Path(found)) >= pins.PULUMI_MINIMUM else None
    return None


def programs() -> tuple[pins.Binary, ...]:
    """The programs that Pulumi consists of here: none of ours where the user has one."""
    return () if installed() else (*pins.ENGINE, *pins.PROVIDER)


def _version(pulumi: Path) -> tuple[int, ...]:
    try:
        environment = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "1"}
        answer = commands.run([pulumi, "version"], environment=environment).stdout
    except OSError:
        return (0,)
    return parse_version(answer)


def parse_version(text: str) -> tuple[int, ...]:
    """`v3.257.0` as (3, 257, 0); (0,) for what is not a release."""
    found = re.match(r"v?(\d+)\.(\d+)\.(\d+)", text.strip())
    return tuple(int(part) for part in found.groups()) if found else (0,)


def exports(context: str = "") -> str:
    """Shell commands that set a shell up for Pulumi and kubectl, on the embedded cluster or on a real one."""
    variables = sorted(environment(context).items())
    return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in variables)


def environment(context: str = "") -> dict[str, str]:
    """The variables that Pulumi and kubectl need besides the user's own."""
    own = installed()
    variables: dict[str, str] = {}
    path = [str(CLONE / ".venv" / "bin")]
    if own is None:
        binaries.build(programs())
        engine = binaries.folder(pins.ENGINE)
        _install_provider(engine, binaries.folder(pins.PROVIDER))
        path.append(str(engine))
        variables["PULUMI_HOME"] = str(PULUMI_HOME)
        variables["PULUMI_SKIP_UPDATE_CHECK"] = "1"
    if not context:
        variables["KUBECONFIG"] = str(KUBECONFIG)
        variables.update(kubernetes.CACHE_SETTING)
        variables["PULUMI_HOME"] = str(PULUMI_HOME)
        variables["PULUMI_SKIP_UPDATE_CHECK"] = "1"
        path.append(str(binaries.folder(cluster.programs())))
    if own is None or not context:
        # The embedded cluster's state goes with the cluster, a real one's has to last as long as what it describes.
        state = PULUMI_REAL_STATE if context else PULUMI_STATE
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
        variables["PULUMI_BACKEND_URL"] = state_url(state)
        if not context:
            # It guards nothing: the state lies beside it, and the cluster is this machine's.
            variables["PULUMI_CONFIG_PASSPHRASE"] = "embedded"  # noqa: S105
    rest = [each for each in os.environ.get("PATH", "").split(os.pathsep) if each not in path and not _is_ours(each)]
    variables["PATH"] = os.pathsep.join([*_other_provider(), *path, *rest])
    return variables


def _other_provider() -> list[str]:
    """The folder of the provider that STATEFUL_SERVICE_PROVIDER names: Pulumi prefers a plugin on PATH to any other."""
    chosen = os.environ.get(PROVIDER_VARIABLE, "")
    if not chosen:
        return []
    program = Path(chosen).absolute()
    if program.name != "pulumi-resource-kubernetes" or not os.access(program, os.X_OK):
        raise LocalError(
            f"{PROVIDER_VARIABLE} is {chosen!r}: it must be the path of a program named pulumi-resource-kubernetes."
        )
    return [str(program.parent)]


def state_url(folder: Path) -> str:
    """A backend that keeps its state in a folder.

    Without the attributes that it would write beside each file: they are not written in one go, as the files are, and
    a Pulumi that is killed meanwhile leaves them empty, which the next one cannot read.
    """
    return f"file://{folder}?metadata=skip"


def _is_ours(folder: str) -> bool:
    """Whether this folder of PATH comes from an earlier `env`."""
    return bool(folder) and Path(folder).is_relative_to(CACHE / "bin")


def _install_provider(engine: Path, provider: Path) -> None:
    """Put the provider where Pulumi looks for plugins, so that it neither downloads one nor warns about PATH."""
    if _PLUGIN.is_dir():
        return
    PULUMI_HOME.mkdir(parents=True, exist_ok=True, mode=0o700)
    with locked(PULUMI_HOME.parent / "plugin.lock", f"installing the Kubernetes provider (process {os.getpid()})"):
        if _PLUGIN.is_dir():
            return
        with step(f"Pulumi's Kubernetes provider {pins.KUBERNETES_PROVIDER}"):
            file = str(provider / "pulumi-resource-kubernetes")
            result = commands.run(
                [
                    engine / "pulumi",
                    "plugin",
                    "install",
                    "resource",
                    "kubernetes",
                    pins.KUBERNETES_PROVIDER,
                    "--file",
                    file,
                ],
                environment={
                    **os.environ,
                    "PULUMI_HOME": str(PULUMI_HOME),
                    "PULUMI_SKIP_UPDATE_CHECK": "1",
                    "PATH": f"{engine}{os.pathsep}{os.environ.get('PATH', '')}",
                },
            )
            if result.returncode:
                raise LocalError(f"Pulumi cannot install the Kubernetes provider:\n{last_lines(result.stderr, 8)}")
