"""The names that Kubernetes derives."""

from hypothesis import given
from hypothesis import strategies as st
from pulumi_stateful_service.foundation import names

LABELS = st.from_regex(r"[a-z]([-a-z0-9]{0,20}[a-z0-9])?", fullmatch=True)


def test_the_chapters_example() -> None:
    """The random generator's Pods, claims and addresses are named as in the chapter."""
    address = names.service_address("random-generator", "default", "cluster.local")
    assert names.instances("rg", address, ["logs"], range(2)) == [
        {
            "ordinal": ordinal,
            "pod": f"rg-{ordinal}",
            "address": f"rg-{ordinal}.random-generator.default.svc.cluster.local",
            "claims": [f"logs-rg-{ordinal}"],
        }
        for ordinal in range(2)
    ]
    assert names.srv_name("http", "TCP", address) == "_http._tcp.random-generator.default.svc.cluster.local"


@given(st.lists(LABELS, unique=True, max_size=4), LABELS, st.integers(0, 5), st.integers(0, 5))
def test_no_two_claims_share_a_name(volumes: list[str], set_name: str, start: int, replicas: int) -> None:
    """Within one set, every volume of every ordinal has a claim of its own."""
    instances = names.instances(set_name, "a.b.svc.c", volumes, range(start, start + replicas))
    claims = [claim for instance in instances for claim in instance["claims"]]
    assert len(claims) == len(set(claims)) == len(volumes) * replicas


def test_the_class_carries_project_and_stack() -> None:
    """Classes are cluster-wide: two stacks on one cluster make two."""
    assert names.storage_class_name("My_Project", "dev", "rg") == "my-project-dev-rg"
