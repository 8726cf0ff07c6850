"""P12 and P14: one service with a hot and a warm tier, as ``examples/tiers`` deploys it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from example_stacks import Example
from harness import only, watching
from lightkube import Client


@pytest.fixture
def tiers(env: dict[str, str], client: Client, namespace: str, tmp_path: Path) -> Iterator[Example]:
    """The example; nothing is deployed yet."""
    made = Example(tmp_path / "tiers", env, namespace=namespace, client=client, example="tiers")
    yield made
    made.run("destroy", "--yes", "--skip-preview")


@pytest.mark.long
def test_p14_tiers_have_disks_and_clients_of_their_own(tiers: Example) -> None:
    """Disks by tier, a Service over the hot ones, the warm tier updated first, and one tier alone that grows."""
    [more] = tiers.commands("More hot instances")
    tiers.up()
    hot, warm = ["tiers-hot-0", "tiers-hot-1"], ["tiers-warm-0"]
    assert list(tiers.pods()) == [*hot, *warm]
    disks = {name: claim.spec.storageClassName for name, claim in tiers.claims().items()}
    assert disks == {**{f"data-{pod}": "network" for pod in hot}, "data-tiers-warm-0": "standard"}
    assert answering(tiers, "tiers-hot", 8080) == set(hot)
    assert answering(tiers, "tiers-lb", 80) == {*hot, *warm}

    tiers.configure(image="random-generator:2.0")
    with watching(tiers) as events:
        tiers.up()
    assert [pod for _, pod in only(events, "ending")] == [*warm, *reversed(hot)]

    before = tiers.uids()
    tiers.follow(more)
    assert tiers.uids().keys() - before.keys() == {"tiers-hot-2"}
    assert before.items() <= tiers.uids().items()
    tiers.unchanged()


def answering(tiers: Example, service: str, port: int) -> set[str]:
    """The instances to which a Service leads."""
    url = f"http://{service}.{tiers.namespace}.svc.cluster.local:{port}/"
    return {str(json.loads(tiers.get_from("tiers-warm-0", url))["instance"]) for _ in range(12)}
