"""Versions of the application: what has used the data is noted on the claims, and decides what may come."""

from collections.abc import Callable
from typing import Any

import pytest
from harness import Service

Make = Callable[..., Service]

NOTE = "pulumi-stateful-service/data-version"
ASK: dict[str, Any] = {"command": ["/random-generator", "get", "http://localhost:8080/"]}
FAILS: dict[str, Any] = {"command": ["/random-generator", "get", "http://localhost:1/"], "timeout_seconds": 10}


def noted(rg: Service) -> dict[str, str]:
    """The versions on the claims."""
    return {name: each.metadata.annotations.get(NOTE, "") for name, each in rg.claims().items()}


def test_p10_a_version_that_the_data_are_too_new_or_too_old_for_is_refused(service: Make) -> None:
    """In preview and `up`, by what has run on each claim: also after the StatefulSet and Pulumi's state are gone."""
    rg = service(version={"before": ASK}, pod_management_policy="Parallel")
    rg.up()
    assert noted(rg) == {"logs-rg-0": "1.0", "logs-rg-1": "1.0"}
    rg.unchanged()
    first = rg.uids()

    rg.set(image="random-generator:4.0")
    skipped = "the data are of version 1.0 (logs-rg-0, logs-rg-1), 4.0 of image is 3 majors later"
    assert skipped in rg.must_fail("preview")
    rg.set(image="random-generator:2.0", version={"before": FAILS})
    said = rg.must_fail("up", "--yes", "--skip-preview")
    assert "version.before did not pass in rg-0: exit status" in said
    assert rg.stateful_set().spec.template.spec.containers[0].image == "random-generator:1.0"
    assert rg.uids() == first

    rg.set(version={"before": ASK}, canary=1)
    assert "before this change version.before runs in rg-0" in rg.must("preview")
    rg.up()
    assert noted(rg) == {"logs-rg-0": "1.0", "logs-rg-1": "2.0"}
    # Of a canary, its own data alone are in question.
    canary = rg.uids()
    rg.set(image="random-generator:1.0")
    refused = "version 1.0 of image would run on data that 2.0 has used (logs-rg-1), which most"
    assert refused in rg.must_fail("preview")
    assert refused in rg.must_fail("up", "--yes", "--skip-preview")
    assert rg.uids() == canary
    assert rg.stateful_set().spec.template.spec.containers[0].image == "random-generator:2.0"
    rg.deploy(version={"downgrade": "Allow"})
    assert noted(rg) == {"logs-rg-0": "1.0", "logs-rg-1": "1.0"}

    rg.deploy(image="random-generator:2.0", canary=None, version={})
    assert noted(rg) == {"logs-rg-0": "2.0", "logs-rg-1": "2.0"}
    rg.unchanged()
    rg.destroy()
    rg.set(image="random-generator:1.0")
    refused = "version 1.0 of image would run on data that 2.0 has used (logs-rg-0, logs-rg-1), which most"
    assert refused in rg.must_fail("preview")
    assert refused in rg.must_fail("up", "--yes", "--skip-preview")
    assert rg.pods() == {}
    rg.set(image="random-generator:latest")
    assert "image 'random-generator:latest' does not tell its version" in rg.must("preview")
    rg.deploy(image="random-generator:2.0")
    assert rg.pods().keys() == first.keys()


@pytest.mark.long
def test_p10_what_ran_before_an_up_was_killed_is_known_to_the_next(service: Make) -> None:
    """The claim is noted by what has run, and where the `up` was killed before that, by the Pod that there is."""
    rg = service(version={}, replicas=1)
    rg.up()
    rg.set(image="random-generator:2.0")
    rg.kill_up_when("the new version runs", lambda: rg.is_ready("rg-0") and _image(rg) == "random-generator:2.0")
    rg.set(image="random-generator:1.0")
    refused = "version 1.0 of image would run on data that 2.0 has used (logs-rg-0)"
    assert refused in rg.must_fail("up", "--yes", "--skip-preview")
    rg.deploy(image="random-generator:2.0")
    assert noted(rg) == {"logs-rg-0": "2.0"}
    rg.unchanged()


def _image(rg: Service) -> str:
    return str(rg.pods()["rg-0"].spec.containers[0].image)
