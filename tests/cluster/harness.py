"""Drives a service through the real command line, and reads what is on the cluster.

Each test has a project, a state and a namespace of its own, so that tests can run side by side on one cluster.
"""

import atexit
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx2
from lightkube import ApiError, Client, KubeConfig
from lightkube.resources.apps_v1 import StatefulSet
from lightkube.resources.core_v1 import PersistentVolumeClaim, Pod
from lightkube.types import PatchType
from pulumi_stateful_service.arguments.cross_checks.groups import NOT_WITH_GROUPS, OF_GROUPS

from local.engine import state_url
from local.processes import heed_interrupts

ROOT = Path(__file__).parents[2]
T = TypeVar("T")

CHAPTER: dict[str, Any] = {
    "image": "random-generator:1.0",
    "replicas": 2,
    "service_name": "random-generator",
    "ports": {"http": 8080},
    "env": {"LOG_FILE": "/opt/logs/random.log", "SERVICE_NAME": "random-generator"},
    "readiness_probe": {"http_get": {"path": "/ready", "port": "http"}, "period_seconds": 1, "failure_threshold": 1},
    "volumes": [{"name": "logs", "mount_path": "/opt/logs", "size": "10Mi"}],
    "termination_grace_period_seconds": 5,
}
"""The chapter's example."""

_PROGRAM = """\
import json
import pulumi
from pathlib import Path
from pulumi_stateful_service import StatefulService

rg = StatefulService("rg", json.loads(Path("args.json").read_text()))
for name in StatefulService.__annotations__:
    pulumi.export(name, getattr(rg, name))
"""


class CommandError(AssertionError):
    """A command that should have succeeded did not."""


def environment() -> dict[str, str]:
    """The settings that ``make env`` gives a shell."""
    heed_interrupts()
    show = f'exec {sys.executable} -c "import json, os; print(json.dumps(dict(os.environ)))"'
    env: dict[str, str] = json.loads(printed("bash", "-c", f"{local('env')}\n{show}"))
    return env | {"PATH": f"{_python_that_knows_its_packages(env)}:{env['PATH']}"}


def _python_that_knows_its_packages(env: Mapping[str, str]) -> Path:
    """A folder with a ``python3`` that answers one question without running.

    Pulumi's language host asks pip for all packages before each run of a program, which takes a fifth of all the
    processor time of these tests.
    """
    question = ("-m", "pip", "list", "-v", "--format", "json")
    folder = Path(tempfile.mkdtemp(prefix="python-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    (folder / "packages.json").write_text(printed("python3", *question, env=env))
    python = shutil.which("python3", path=env["PATH"])
    script = folder / "python3"
    script.write_text(
        f"""#!/bin/sh
if [ "$*" = "{" ".join(question)}" ]; then exec cat "{folder}/packages.json"; fi
exec "{python}" "$@"
"""
    )
    script.chmod(0o755)
    return folder


def without_cluster(env: Mapping[str, str], home: Path) -> dict[str, str]:
    """The settings of a machine that knows no cluster: no kubeconfig in the environment, and none in ``home``."""
    return {key: value for key, value in env.items() if key != "KUBECONFIG"} | {"HOME": str(home)}


def printed(
    *command: str,
    env: Mapping[str, str] | None = None,
    folder: Path = ROOT,
    text: str = "",
    timeout: float | None = None,
) -> str:
    """A command's output. Raises an error with all of it where the command fails."""
    result = subprocess.run(
        command, cwd=folder, env=env, input=text, check=False, capture_output=True, text=True, timeout=timeout
    )
    if result.returncode:
        raise CommandError(f"{' '.join(command)}:\n{result.stdout}{result.stderr}")
    return result.stdout


def local(*arguments: str) -> str:
    """The output of a command of the embedded cluster."""
    return printed(sys.executable, "-m", "local", *arguments)


def parts() -> dict[str, list[int]]:
    """Each part of the embedded cluster and the numbers of its processes."""
    rows = [line.split() for line in local("status").splitlines()]
    return {name: [int(each) for each in columns if each.isdigit()] for name, *columns in rows}


def traces() -> dict[str, list[str]]:
    """What the cluster can leave behind on this machine."""
    found: dict[str, list[str]] = json.loads(local("traces"))
    # Ports that the system chose belong to other programs, which come and go.
    found["listening sockets"] = [each for each in found["listening sockets"] if int(each.rpartition(":")[2]) < 32768]
    return found


PATIENCE = 300.0
"""The most seconds that a test waits for a condition: enough for six tests at once on a slow machine, no promise."""
SOON = 20
"""``rollout_timeout_seconds`` of an ``up`` that has to fail: enough for Pods to fail as expected on a slow machine."""


def eventually(what: str, look: Callable[[], T | None], timeout: float = PATIENCE) -> T:
    """Waits until ``look`` returns something true, and returns it; fails with ``what`` after the timeout."""
    deadline = time.monotonic() + timeout
    while True:
        seen = look()
        if seen:
            return seen
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout} s: {what}; last seen: {seen!r}")
        time.sleep(0.2)


def _of_session(leader: int) -> list[int]:
    """The processes that run in a session."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(FileNotFoundError, ProcessLookupError):
            state, _, _, session = stat.read_text(errors="replace").rpartition(")")[2].split()[:4]
            if int(session) == leader and state != "Z":
                found.append(int(stat.parent.name))
    return found


@dataclass
class Project:
    """A Pulumi project in a folder of its own, with a state of its own."""

    folder: Path
    env: dict[str, str]
    stack: str = "test"

    def __post_init__(self) -> None:
        state = self.folder / "state"
        state.mkdir(parents=True, exist_ok=True)
        self.env = {**self.env, "PULUMI_BACKEND_URL": state_url(state)}

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs a Pulumi command, with its output on one stream."""
        return subprocess.run(
            ["pulumi", *arguments, "--non-interactive", "--color", "never"],
            cwd=self.folder,
            env=self.env,
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def must(self, *arguments: str) -> str:
        """Runs a Pulumi command that must succeed."""
        result = self.run(*arguments)
        if result.returncode:
            raise CommandError(f"pulumi {' '.join(arguments)}:\n{result.stdout}")
        return result.stdout

    def must_fail(self, *arguments: str) -> str:
        """Runs a Pulumi command that must fail, and returns its output."""
        result = self.run(*arguments)
        assert result.returncode, f"pulumi {' '.join(arguments)} succeeded:\n{result.stdout}"
        return result.stdout

    def init(self) -> None:
        """Creates the stack."""
        self.must("stack", "init", self.stack)

    def up(self, *options: str) -> str:
        """``pulumi up``."""
        return self.must("up", "--yes", "--skip-preview", *options)

    def unchanged(self) -> str:
        """Runs a preview and an ``up`` that must have nothing to do."""
        return self.must("up", "--yes", "--expect-no-changes")

    def refresh(self) -> str:
        """``pulumi refresh``."""
        return self.must("refresh", "--yes", "--skip-preview")

    def destroy(self) -> str:
        """``pulumi destroy``."""
        return self.must("destroy", "--yes", "--skip-preview")

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs."""
        return dict(json.loads(self.must("stack", "output", "--json")))


@dataclass
class Service(Project):
    """The smallest program with one StatefulService, whose arguments a test changes."""

    namespace: str = ""
    args: dict[str, Any] = field(default_factory=lambda: dict(CHAPTER))
    client: Client = field(kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        (self.folder / "Pulumi.yaml").write_text("name: test\nruntime: python\n")
        (self.folder / "__main__.py").write_text(_PROGRAM)
        self.set()
        self.init()

    def set(self, **changes: Any) -> None:
        """Changes arguments; None removes one."""
        merged = {**self.args, "namespace": self.namespace, **changes}
        self.args = {key: value for key, value in merged.items() if value is not None}
        written = in_one_group(self.args) if "AS_ONE_GROUP" in os.environ else self.args
        (self.folder / "args.json").write_text(json.dumps(written))

    def deploy(self, **changes: Any) -> str:
        """Changes arguments and deploys."""
        self.set(**changes)
        return self.up()

    def stateful_set(self, name: str = "rg") -> Any:
        """The live set."""
        return self.client.get(StatefulSet, name, namespace=self.namespace)

    def pods(self) -> dict[str, Any]:
        """The live Pods by name."""
        found: Any = self.client.list(Pod, namespace=self.namespace)
        return {str(pod.metadata.name): pod for pod in found}

    def pod(self, name: str) -> Any:
        """A live Pod, if it exists."""
        return absent_as_none(lambda: self.client.get(Pod, name, namespace=self.namespace))

    def claims(self) -> dict[str, Any]:
        """The live claims by name."""
        found: Any = self.client.list(PersistentVolumeClaim, namespace=self.namespace)
        return {str(claim.metadata.name): claim for claim in found}

    def uids(self) -> dict[str, str]:
        """The identity of each live Pod: a Pod that was replaced has another."""
        return {name: str(pod.metadata.uid) for name, pod in self.pods().items()}

    def is_ready(self, name: str) -> bool:
        """Whether a Pod exists and is ready."""
        pod = self.pod(name)
        return pod is not None and is_serving(pod)

    @contextmanager
    def held(self, kind: Any, name: str) -> Iterator[None]:
        """Gives an object a finalizer, so that it does not go while this lasts, although it is deleted."""

        def patch(finalizers: list[str] | None) -> None:
            body = {"metadata": {"finalizers": finalizers}}
            self.client.patch(kind, name, body, namespace=self.namespace, patch_type=PatchType.MERGE)

        patch(["example.com/hold"])
        try:
            yield
        finally:
            patch(None)

    def kill_up_when(self, what: str, condition: Callable[[], object]) -> None:
        """Kills an ``up``, the engine and all, as soon as a condition holds, and releases its lock."""
        running = self.start_up()
        try:
            eventually(what, condition)
        finally:
            self.kill(running)

    def start_up(self) -> subprocess.Popen[bytes]:
        """Starts an ``up`` in a process group of its own."""
        return subprocess.Popen(
            ["pulumi", "up", "--yes", "--skip-preview", "--non-interactive"],
            cwd=self.folder,
            env=self.env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def kill(self, running: subprocess.Popen[bytes]) -> None:
        """Kills an ``up`` with all that it has started, and releases its lock.

        The engine's plugins are in process groups of their own: a program that outlived its engine would end in order,
        and resume what it has quiesced.
        """
        while processes := _of_session(running.pid):
            for each in processes:
                with suppress(ProcessLookupError):
                    os.kill(each, signal.SIGKILL)
        running.wait()
        self.must("cancel", "--yes")

    def replace_pod(self, name: str) -> None:
        """Deletes a Pod and waits until its successor is ready."""
        before = self.uids()[name]
        self.client.delete(Pod, name, namespace=self.namespace)
        self.until_replaced(name, before)

    def until_replaced(self, name: str, before: str) -> None:
        """Waits until an instance has another Pod than the one with this uid, and that is ready."""
        eventually(f"{name} is replaced", lambda: self.uids().get(name) not in (None, before) and self.is_ready(name))

    def http(
        self, pod: str, path: str = "/", method: str = "GET", timeout: float = 10, port: int = 8080
    ) -> httpx2.Response:
        """A request to one instance, from the node that it runs on."""
        live: Any = self.client.get(Pod, pod, namespace=self.namespace)
        return httpx2.request(method, f"http://{live.status.podIP}:{port}{path}", timeout=timeout)

    def cluster_ip(self, service: str) -> str:
        """The address of a Service, which the node reaches too."""
        return self.kubectl("get", "service", service, "--output=jsonpath={.spec.clusterIP}")

    def get_from(self, pod: str, url: str) -> str:
        """The answer to a request from inside an instance, with names as that instance resolves them."""
        return self.kubectl("exec", pod, "--", "/random-generator", "get", url)

    def kubectl(self, *arguments: str, text: str = "") -> str:
        """Runs kubectl in the service's namespace, and returns its output."""
        return printed("kubectl", "--namespace", self.namespace, *arguments, env=self.env, text=text)

    def write(self, pod: str, times: int = 1) -> list[str]:
        """Has an instance append to its log; the log afterwards."""
        for _ in range(times):
            self.http(pod).raise_for_status()
        return self.log(pod)

    def log(self, pod: str) -> list[str]:
        """An instance's log."""
        return self.http(pod, "/logs").raise_for_status().text.splitlines()


def in_one_group(args: Mapping[str, Any]) -> dict[str, Any]:
    """The same service with one group that keeps its StatefulSet, where groups are possible: nothing else changes.

    So every test of a service is one of a service with groups (``make test-groups``).
    """
    if args.keys() & {"groups", *NOT_WITH_GROUPS}:
        return dict(args)
    own = {key: args[key] for key in args.keys() & {*OF_GROUPS}}
    kept = {key: value for key, value in args.items() if key not in own}
    return {**kept, "groups": {"all": {"stateful_set_name": args.get("name", "rg"), **own}}}


def condition(pod: Any, kind: str) -> str | None:
    """A condition of a Pod."""
    conditions = (pod.status and pod.status.conditions) or []
    return next((each.status for each in conditions if each.type == kind), None)


def is_serving(pod: Any) -> bool:
    """Whether a Pod is ready, and not about to end."""
    return condition(pod, "Ready") == "True" and pod.metadata.deletionTimestamp is None


@contextmanager
def watching(rg: Service) -> Iterator[list[tuple[str, str]]]:
    """The events of Pods meanwhile, in the order of the API server's watch: (event, Pod)."""
    seen: list[tuple[str, str]] = []
    stop = threading.Event()
    ready: set[str] = set()
    listed = rg.client.list(Pod, namespace=rg.namespace)
    for pod in listed:
        note([], ready, "ADDED", pod)
    version = listed.resourceVersion

    def watch() -> None:
        for kind, pod in rg.client.watch(Pod, namespace=rg.namespace, resource_version=version):
            note(seen, ready, kind, pod)
            if stop.is_set():
                return

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    yield seen
    stop.set()


def note(seen: list[tuple[str, str]], ready: set[str], kind: str, pod: Any) -> None:
    """Adds what changed for a Pod."""
    name = str(pod.metadata.name)
    uid = str(pod.metadata.uid)
    events = [kind.lower()] if kind in ("ADDED", "DELETED") else []
    if pod.metadata.deletionTimestamp is not None:
        events.append("ending")
    elif condition(pod, "Ready") == "True":
        events.append("ready")
    for event in events:
        if event + uid not in ready:
            ready.add(event + uid)
            seen.append((event, name))


def only(seen: list[tuple[str, str]], *events: str) -> list[tuple[str, str]]:
    """The events of these kinds."""
    return [each for each in seen if each[0] in events]


def absent_as_none(look: Callable[[], T]) -> T | None:
    """What ``look`` returns, or None where the object is not there."""
    try:
        return look()
    except ApiError as error:
        if error.status.code == 404:
            return None
        raise


@contextmanager
def client_for(env: Mapping[str, str]) -> Iterator[Client]:
    """A client of the embedded cluster."""
    config = KubeConfig.from_file(env["KUBECONFIG"]).get()
    assert config is not None
    yield Client(config=config)
