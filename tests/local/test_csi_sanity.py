"""The embedded cluster's CSI driver keeps to the CSI specification, as csi-test's sanity suite has it.

The suite leaves out what a driver does not claim. So that nothing is left out unnoticed, that is listed here. It mounts
volumes, which needs root.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from local import binaries, pins

HEALTH = "the driver has no health of volumes to tell: its disks do not fail"
LEFT_OUT = {
    "CreateSnapshot [Controller Server] should succeed when creating a snapshot with accessibility requirements": (
        "a snapshot can be had on every node"
    ),
    "ControllerGetVolumeHealth [Controller Server] should fail when no volume id is provided": HEALTH,
    "ControllerGetVolumeHealth [Controller Server] should return health for a valid volume": HEALTH,
    "ControllerListVolumeHealth [Controller Server] should return appropriate response": HEALTH,
    "Node Service NodeGetStorageHealth should return appropriate response": HEALTH,
    "Node Service NodeGetVolumeHealth should fail when no volume id is provided": HEALTH,
    "Node Service NodeGetVolumeHealth should return health for a valid volume": HEALTH,
    "Controller Service [Controller Server] ListVolumes pagination should detect volumes added between pages and "
    "accept tokens when the last volume from a page is deleted": "csi-test has switched it off itself, as inconsistent",
}
RUN = 95
"""How many the driver has passed so far: a suite that runs fewer has lost some."""


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What became of each test of the suite, by its name."""
    binaries.build([pins.binary("csi-driver"), pins.binary("csi-sanity")])
    folder = tmp_path_factory.mktemp("csi")
    (folder / "attributes.yaml").write_text('iops: "500"\n')
    controller, node = folder / "controller.sock", folder / "node.sock"
    with ExitStack() as running:
        running.enter_context(driver(folder, controller))
        running.enter_context(driver(folder, node, "--node=real-node", "--max-volumes=4"))
        said = subprocess.run(
            [
                binaries.path("csi-sanity"),
                f"--csi.endpoint={node}",
                f"--csi.controllerendpoint={controller}",
                f"--csi.mountdir={folder / 'mount'}",
                f"--csi.stagingdir={folder / 'staging'}",
                f"--csi.testvolumemutableparameters={folder / 'attributes.yaml'}",
                "--csi.testnodevolumeattachlimit",
                f"--ginkgo.json-report={folder / 'report.json'}",
                "--ginkgo.no-color",
            ],
            cwd=folder,
            check=False,
            capture_output=True,
            text=True,
        )
    assert (folder / "report.json").exists(), said.stdout + said.stderr
    (suite,) = json.loads((folder / "report.json").read_text())
    return {
        " ".join([*(each["ContainerHierarchyTexts"] or []), each["LeafNodeText"]]): each["State"]
        for each in suite["SpecReports"]
        if each["LeafNodeType"] == "It"
    }


@contextmanager
def driver(folder: Path, socket: Path, *options: str) -> Iterator[None]:
    """The driver, until the end of the block."""
    command = [binaries.path("csi-driver"), f"--folder={folder / 'csi'}", f"--socket={socket}", *options]
    with subprocess.Popen(command) as process:
        try:
            while not socket.is_socket():
                assert process.poll() is None
                time.sleep(0.01)
            yield
        finally:
            process.terminate()


class TestSanity:
    def test_the_driver_passes_all_that_it_claims(self, results: dict[str, str]) -> None:
        """No test of the suite fails."""
        passed = {name for name, state in results.items() if state == "passed"}
        assert set(results) - passed == set(LEFT_OUT)
        assert len(passed) >= RUN

    def test_what_is_left_out_is_written_down(self, results: dict[str, str]) -> None:
        """Neither more nor less is left out than is listed, with reasons."""
        left_out = {name for name, state in results.items() if state in ("skipped", "pending")}
        assert left_out == set(LEFT_OUT)
        sys.stdout.writelines(f"{state:8} {name}\n" for name, state in sorted(results.items()))
