"""``pulumi up`` is killed at moments of snapshots, of a roll-back with the data, and of a resize: the next continues.

A moment is a request that does not reach the API server any more. ``FAULT_MOMENTS`` is the number of moments. ``make
test`` has one moment of each in the tests of snapshots and of resizes.
"""

from datetime import datetime
from itertools import cycle
from typing import Any

import pytest
from faults import Make, as_asked, killed_at_requests, witnessed
from harness import Service
from lightkube import Client
from lightkube.resources.core_v1 import PersistentVolume
from test_resize import LARGE, SMALL, given, has_one_revision, restarts
from test_snapshots import ON_CSI, of_claim, snapshots

IMAGES = ("random-generator:2.0", "random-generator:1.0")
CLAIMS = ("logs-rg-0", "logs-rg-1")


@pytest.mark.parametrize("of_class", ["class_name", "group_class_name"])
@pytest.mark.long
def test_snapshots_before_a_rollout_are_killed(service: Make, of_class: str) -> None:
    """Each instance has a snapshot of before its turn, and no more are kept than are to be."""
    rg = service(**{**ON_CSI, "snapshots": {of_class: "csi", "keep": 2}})
    image = cycle(IMAGES)

    def check() -> None:
        as_asked(rg)
        made, pods = snapshots(rg), rg.pods()
        for claim in CLAIMS:
            *_, newest = of_claim(rg, claim)
            assert made[newest].status["readyToUse"]
            assert _time(made[newest]) <= _time(pods[claim.removeprefix("logs-")])
            assert len(of_claim(rg, claim)) <= 2
            assert of_claim(rg, claim)[-1] == rg.outputs()["snapshots"][claim]

    with witnessed(rg):
        rg.up()
        killed_at_requests(rg, lambda: rg.set(image=next(image)), check)
        rg.unchanged()


@pytest.mark.long
def test_a_roll_back_with_the_data_is_killed(service: Make, client: Client) -> None:
    """Each instance has the data of its snapshot, whenever it was killed, and each volume is kept."""
    rg = service(**ON_CSI)
    written: dict[str, Any] = {}
    volumes: set[str] = set()

    def prepare() -> None:
        rg.deploy(image=IMAGES[1], restore=None)
        written.update({name: rg.write(name, 1) for name in ("rg-0", "rg-1")})
        rg.deploy(image=IMAGES[0])
        for name in written:
            rg.write(name, 2)
        volumes.update(_volumes(rg))
        rg.set(image=IMAGES[1], restore=[{"snapshot": "BeforeLastRollout"}])

    def check() -> None:
        as_asked(rg)
        assert {name: rg.log(name) for name in written} == written
        assert not volumes & _volumes(rg)
        for each in volumes:
            volume: Any = client.get(PersistentVolume, each)
            assert volume.spec.persistentVolumeReclaimPolicy == "Retain"

    try:
        killed_at_requests(rg, prepare, check)
        rg.unchanged()
    finally:
        for each in volumes - _volumes(rg):
            client.delete(PersistentVolume, each)


@pytest.mark.long
def test_a_resize_is_killed(service: Make) -> None:
    """No Pod is replaced or restarts, and all have the new values and the one revision."""
    rg = service(resources=SMALL, resize="InPlace")
    sizes = cycle((LARGE, SMALL))
    with witnessed(rg):
        rg.up()
        before = rg.uids()

        def check() -> None:
            assert rg.uids() == before
            assert restarts(rg) == {0}
            assert given(rg) == dict.fromkeys(before, rg.args["resources"]["limits"])
            assert has_one_revision(rg)

        killed_at_requests(rg, lambda: rg.set(resources=next(sizes)), check)
        rg.unchanged()


def _time(found: Any) -> datetime:
    when = found.metadata.creationTimestamp
    return when if isinstance(when, datetime) else datetime.fromisoformat(str(when))


def _volumes(rg: Service) -> set[str]:
    return {str(claim.spec.volumeName) for claim in rg.claims().values()}
