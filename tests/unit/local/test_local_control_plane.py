"""The start of the control plane, without its processes."""

from pathlib import Path

import pytest

from local import control_plane, kubernetes, ports
from local.processes import Process


def test_a_controller_that_ended_while_the_api_server_started_is_started_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The controller manager ends by itself where the API server takes longer than ten seconds."""
    starts: list[list[str]] = []
    created = tmp_path / "created-with"
    created.touch()

    def running(part: str) -> list[Process]:
        has_ended = part == "kube-controller-manager" and len(starts) == 1
        return [] if has_ended else [Process(1, (part,))]

    monkeypatch.setattr(control_plane, "_CREATED", created)
    monkeypatch.setattr(control_plane, "WORKDIR", tmp_path)
    monkeypatch.setattr(control_plane, "_rendered", str)
    monkeypatch.setattr(control_plane, "_kwokctl", starts.append)
    monkeypatch.setattr(control_plane, "_forget_stale_process_ids", lambda: None)
    monkeypatch.setattr(control_plane, "running", running)
    monkeypatch.setattr(control_plane, "_is_up", lambda part: bool(running(part)))
    monkeypatch.setattr(ports, "check", lambda *_: None)
    monkeypatch.setattr(kubernetes, "get", lambda *_: "ok")
    monkeypatch.setattr(kubernetes, "write_kubeconfig", lambda *_: None)
    control_plane.start()
    assert [command[:2] for command in starts] == [["start", "cluster"]] * 2
