"""The commands: which Pulumi is used with which settings, and that mistakes get one message."""

import shlex
import subprocess
from pathlib import Path

import pytest

from local import __main__ as commands
from local import binaries, cluster, engine, locks, paths, pins, setup
from local.errors import LocalError


def _pulumi(folder: Path, version: str) -> Path:
    folder.mkdir(parents=True)
    program = folder / "pulumi"
    program.write_text(f"#!/bin/sh\necho {version}\n")
    program.chmod(0o755)
    return program


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine of the test's own, on which every program is built at once."""
    for module in (engine, paths):
        for name in ("CACHE", "KUBECONFIG", "PULUMI_HOME", "PULUMI_REAL_STATE", "PULUMI_STATE"):
            monkeypatch.setattr(module, name, tmp_path / "it's here" / name)
    monkeypatch.setattr(engine, "_install_provider", lambda *_: None)
    monkeypatch.setattr(cluster, "programs", lambda: pins.CLUSTER)
    monkeypatch.setattr(binaries, "build", lambda _: None)
    monkeypatch.setattr(binaries, "folder", lambda chosen: paths.CACHE / "bin" / next(iter(chosen)).name)
    monkeypatch.setenv("PATH", "/usr/bin")
    return tmp_path


def _shell(exports: str) -> dict[str, str]:
    """The variables as a shell understands them."""
    printed = subprocess.run(["bash", "-c", f"set -eu\n{exports}\nenv -0"], check=True, capture_output=True, text=True)
    return dict(each.split("=", 1) for each in printed.stdout.split("\0") if each)


class TestWhichPulumi:
    def test_one_that_is_new_enough_is_used(self, machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Neither an engine nor a provider is built then."""
        newest = _pulumi(machine / "own", "v" + ".".join(map(str, pins.PULUMI_MINIMUM)))
        monkeypatch.setenv("PATH", f"{newest.parent}:/usr/bin")
        assert engine.installed() == newest
        path = _shell(engine.exports())["PATH"].split(":")
        assert path[0].endswith(".venv/bin")
        assert path[1:] == [f"{paths.CACHE}/bin/etcd", str(newest.parent), "/usr/bin"]

    @pytest.mark.parametrize("version", ["v3.1.0", "what"])
    def test_one_that_is_too_old_is_not(self, machine: Path, monkeypatch: pytest.MonkeyPatch, version: str) -> None:
        """The embedded one stands before it on PATH."""
        old = _pulumi(machine / "own", version)
        monkeypatch.setenv("PATH", f"{old.parent}:/usr/bin")
        assert engine.installed() is None
        path = _shell(engine.exports())["PATH"].split(":")
        assert path.index(f"{paths.CACHE}/bin/pulumi-language-python") < path.index(str(old.parent))

    def test_ours_from_an_earlier_shell_is_not_the_users(self, machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """And the same settings twice do not make PATH longer."""
        ours = _pulumi(paths.CACHE / "bin" / "x", "v99.0.0")
        monkeypatch.setenv("PATH", f"{ours.parent}:/usr/bin")
        assert engine.installed() is None
        first = _shell(engine.exports())["PATH"]
        monkeypatch.setenv("PATH", first)
        assert _shell(engine.exports())["PATH"] == first
        assert machine.exists()


class TestSettings:
    def test_the_embedded_cluster_has_its_own(self, machine: Path) -> None:
        """Nothing of the user's is touched, and paths with spaces and quotes survive the shell."""
        settings = _shell(engine.exports())
        assert settings["KUBECONFIG"] == str(machine / "it's here" / "KUBECONFIG")
        assert settings["PULUMI_HOME"] == str(machine / "it's here" / "PULUMI_HOME")
        assert settings["PULUMI_BACKEND_URL"] == f"file://{machine}/it's here/PULUMI_STATE?metadata=skip"
        assert settings["PULUMI_SKIP_UPDATE_CHECK"] == "1"

    def test_a_real_cluster_has_the_users_kubeconfig_and_a_state_that_stays(self, machine: Path) -> None:
        """Deleting the embedded cluster must not delete what describes a real one; its secrets are the user's."""
        names = {line.split("=")[0] for line in engine.exports("production").splitlines()}
        assert names == {
            f"export {each}" for each in ("PATH", "PULUMI_BACKEND_URL", "PULUMI_HOME", "PULUMI_SKIP_UPDATE_CHECK")
        }
        state = f"file://{machine}/it's here/PULUMI_REAL_STATE?metadata=skip"
        assert shlex.quote(state) in engine.exports("production")

    def test_a_real_cluster_and_the_users_own_pulumi_need_nothing(
        self, machine: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The user's backend and home stay what they are."""
        own = _pulumi(machine / "own", "v99.0.0")
        monkeypatch.setenv("PATH", str(own.parent))
        assert [line.split("=")[0] for line in engine.exports("production").splitlines()] == ["export PATH"]


class TestSetUp:
    def test_without_a_pulumi_everything_is_built(self, machine: Path) -> None:
        """The cluster, the images' programs, the engine and the provider, so that one count tells how far it is."""
        assert machine.exists()
        names = [each.name for each in setup.programs()]
        assert names[0] == "etcd"
        assert {"kube-apiserver", "pulumi", "pulumi-resource-kubernetes"} <= set(names)

    def test_with_the_users_own_pulumi_the_cluster_alone_is_built(
        self, machine: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It brings its own provider."""
        own = _pulumi(machine / "own", "v99.0.0")
        monkeypatch.setenv("PATH", f"{own.parent}:/usr/bin")
        names = [each.name for each in setup.programs()]
        assert "kube-apiserver" in names
        assert not {"pulumi", "pulumi-resource-kubernetes"} & set(names)


class TestCommands:
    def test_a_mistake_gets_one_message(self, capsys: pytest.CaptureFixture[str]) -> None:
        """No stack trace, nothing on standard output, and a failure for make to see."""
        assert commands.main(["binaries", "nothing"]) == 1
        printed = capsys.readouterr()
        assert printed.out == ""
        assert printed.err.startswith("error: There is no binary 'nothing'")

    def test_a_node_is_chosen_by_a_word_that_is_known(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The message names the variable, the value and what is allowed."""
        monkeypatch.setenv("STATEFUL_SERVICE_NODE", "fast")
        with pytest.raises(LocalError, match="STATEFUL_SERVICE_NODE is 'fast': it must be real or simulated"):
            cluster.has_real_node()

    def test_a_real_node_needs_root(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Without root the nodes are simulated, and asking for a real one is refused."""
        monkeypatch.setattr("os.geteuid", lambda: 1000)
        assert not cluster.has_real_node()
        monkeypatch.setenv("STATEFUL_SERVICE_NODE", "real")
        with pytest.raises(LocalError, match="needs root"):
            cluster.has_real_node()

    def test_waiting_for_another_run_says_for_what(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """A lock that is held is waited for, and free afterwards."""
        lock = tmp_path / "lock"
        holder = subprocess.Popen(
            ["bash", "-c", 'exec 9>>"$0"; flock 9; echo "building (process 1)" >&9; echo held; sleep 0.5', lock],
            stdout=subprocess.PIPE,
        )
        assert holder.stdout is not None
        holder.stdout.readline()
        with locks.locked(lock, "testing"):
            assert holder.wait(5) == 0
        holder.stdout.close()
        assert "Waiting for another run that is building (process 1)" in capsys.readouterr().err
