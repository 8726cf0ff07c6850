"""Pulumi's state is in use, lost, or outdated."""

import pytest
from faults import UPSERT, Make, Running, as_asked, lose_the_state, recovered, witnessed
from harness import eventually

OLD, NEW = "random-generator:1.0", "random-generator:2.0"


def test_two_at_once(service: Make) -> None:
    """A second `pulumi up` during the first: the lock refuses it and says who holds it; the first completes."""
    rg = service()
    with witnessed(rg) as witness:
        rg.up()
        # The first one waits for this instance as long as it takes.
        rg.http("rg-0", "/ready?state=off", "PUT").raise_for_status()
        eventually("rg-0 is not ready", lambda: not rg.is_ready("rg-0"))
        rg.set(image=NEW)
        first = Running(rg, witness, "up")
        assert first.reach(lambda: "StatefulSet" in first.said)
        second = rg.must_fail("up", "--yes", "--skip-preview")
        assert "the stack is currently locked by 1 lock(s)" in second
        assert "pulumi cancel" in second
        rg.http("rg-0", "/ready?state=on", "PUT").raise_for_status()
        assert first.end() == 0, first.said
        as_asked(rg)
        rg.unchanged()


def test_a_state_that_was_cut_off(service: Make) -> None:
    """A file backend with attributes, killed while it wrote them: `up` cannot read them; without them it works."""
    rg = service()
    with witnessed(rg):
        rg.up()
        pods = rg.uids()
        [state] = (rg.folder / "state").rglob("stacks/test/test.json")
        attributes = state.with_name("test.json.attrs")
        assert not attributes.exists()  # with ?metadata=skip nothing is written there
        attributes.touch()
        assert "failed to load checkpoint: EOF" in rg.must_fail("up", "--yes", "--skip-preview")
        attributes.unlink()
        assert rg.uids() == pods
        rg.unchanged()


def test_a_lost_state(service: Make) -> None:
    """The state lost while the service runs: `up` adopts what is there, and no Pod is touched."""
    rg = service(load_balancer={"port": 80}, image_pull_policy="IfNotPresent")
    with witnessed(rg):
        rg.up()
        pods, live = rg.uids(), rg.stateful_set().metadata.uid
        lose_the_state(rg)
        recovered(rg)
        as_asked(rg)
        assert (rg.uids(), rg.stateful_set().metadata.uid) == (pods, live)
        rg.refresh()
        rg.unchanged()
        # What was there before belongs to this state too: a change goes through, and what is taken out goes.
        rg.deploy(image=NEW, image_pull_policy=None, load_balancer=None)
        as_asked(rg)
        rg.destroy()
        assert rg.pods() == {}
        recovered(rg)


@pytest.mark.long
def test_a_lost_state_and_other_arguments(service: Make) -> None:
    """The state lost, and the program changed: one `up` adopts what exists and applies the change."""
    rg = service(replicas=3)
    more = {"A": "1", "B": "2"}
    with witnessed(rg):
        rg.deploy(env={**rg.args["env"], **more})
        lose_the_state(rg)
        rg.set(replicas=2, image=NEW, env={key: value for key, value in rg.args["env"].items() if key not in more})
        recovered(rg)
        as_asked(rg)
        [container] = rg.stateful_set().spec.template.spec.containers
        assert not more.keys() & {each.name for each in container.env}
        rg.refresh()
        rg.unchanged()


@pytest.mark.long
def test_a_lost_state_still_refuses(service: Make) -> None:
    """The state lost: a change that would strand data is still refused, since the cluster is what counts."""
    rg = service()
    with witnessed(rg):
        rg.up()
        lose_the_state(rg)
        rg.set(volumes=[{"name": "logs", "mount_path": "/opt/logs", "size": "5Mi"}])
        said = rg.must_fail("up", "--yes", "--skip-preview")
        if f"{UPSERT}=true" in said:
            # Pulumi's provider from 4.29 on stops at the Service, which is there.
            rg.env[UPSERT] = "true"
            said = rg.must_fail("up", "--yes", "--skip-preview")
            del rg.env[UPSERT]
        assert "size cannot be reduced from 10Mi to 5Mi" in said
        rg.set(volumes=[{"name": "logs", "mount_path": "/opt/logs", "size": "10Mi"}])
        recovered(rg)
        as_asked(rg)


@pytest.mark.long
def test_a_state_from_an_older_day(service: Make) -> None:
    """A state restored from before a growth, a rollout and a scale-up: one `up` succeeds, and no Pod restarts."""
    rg = service()
    with witnessed(rg):
        rg.up()
        older = rg.must("stack", "export")
        rg.deploy(volumes=[{"name": "logs", "mount_path": "/opt/logs", "size": "20Mi"}], replicas=3, image=NEW)
        pods = rg.uids()
        (rg.folder / "older.json").write_text(older)
        for command in ("up", "refresh"):
            rg.must("stack", "import", "--file", "older.json")
            # Neither is needed for the other: what the older state does not know is sent again, and changes nothing.
            recovered(rg, command)
            recovered(rg)
            as_asked(rg)
            assert rg.uids() == pods
        rg.unchanged()


@pytest.mark.long
def test_a_state_from_before_the_set_was_recreated(service: Make) -> None:
    """A restored state with another set than the running one: after a refresh no Pod restarts."""
    rg = service(recreate_keeping_pods=True)
    with witnessed(rg):
        rg.up()
        older = rg.must("stack", "export")
        rg.deploy(pod_management_policy="Parallel")
        pods = rg.uids()
        (rg.folder / "older.json").write_text(older)
        rg.must("stack", "import", "--file", "older.json")
        rg.refresh()
        recovered(rg)
        as_asked(rg)
        assert rg.uids() == pods
        rg.unchanged()
