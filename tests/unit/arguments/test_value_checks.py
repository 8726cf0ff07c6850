"""The rules for single values, at their edges."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulumi_stateful_service import PodManagementPolicy
from pulumi_stateful_service.arguments.value_checks import checks
from pulumi_stateful_service.foundation import quantities

GOOD: dict[checks.Check, list[object]] = {
    checks.at_least(0): [0, 1, 2**31 - 1],
    checks.member_of(PodManagementPolicy): ["Parallel", "OrderedReady"],
    checks.not_empty: ["a"],
    checks.dns_label: ["a", "0", "a-b", "a" * 63],
    checks.set_name: ["rg", "a" * 52],
    checks.service_name: ["random-generator", "a" * 63],
    checks.dns_subdomain: ["a.b", "rancher.io", "a" * 253],
    checks.port_number: [1, 65535],
    checks.port_name: ["http", "a", "grpc-web", "p2p", "a" * 15],
    checks.port_name_or_number: ["http", 8080],
    checks.env_name: ["LOG_FILE", "my.var", "A-B"],
    checks.quantity: ["0", "500m", "2", "1.5", "128Mi", "1e3"],
    checks.positive_quantity: ["1", "10Mi", "1.5Gi", ".5Gi", "1e3", "1E3", "8E", "1E", "100k", "+1Gi"],
    checks.mount_path: ["/opt/logs", "/a"],
    checks.sub_path: ["data", "a/b"],
    checks.label_key: ["app", "app.kubernetes.io/name", "a" * 63],
    checks.label_value: ["", "a", "A_b.c-d", "a" * 63],
}
BAD: dict[checks.Check, list[object]] = {
    checks.at_least(0): [-1, 2**31],
    checks.at_least(1): [0],
    checks.member_of(PodManagementPolicy): ["parallel", "", "Ordered"],
    checks.not_empty: ["", "  "],
    checks.dns_label: ["", "A", "-a", "a-", "a.b", "a_b", "a" * 64, "a\n"],
    checks.set_name: ["a" * 53, "RG", "r.g"],
    checks.service_name: ["0a", "a" * 64, "a-"],
    checks.dns_subdomain: ["a..b", ".a", "a." + "b" * 253],
    checks.port_number: [0, 65536, -1],
    checks.port_name: ["", "80", "a--b", "-a", "a-", "A", "a" * 16],
    checks.port_name_or_number: ["", "80", 0, 65536],
    checks.env_name: ["", "A=B", "Ä"],
    checks.quantity: ["", "1 Gi", "1GB", "Mi", "-1"],
    checks.positive_quantity: ["0", "0Gi", "0.0", "-1Gi", "10 Gi", "10GB", "ten", "", "1e3Mi", "1e99"],
    checks.mount_path: ["", "opt/logs", "/", "//", "/a:b", "/./"],
    checks.sub_path: ["", "/a", "../a", "a/../b"],
    checks.label_key: ["", "/a", "a/b/c", "-a", "a" * 64, "A/b"],
    checks.label_value: ["-a", "a" * 64, "a b"],
}


@pytest.mark.parametrize(("check", "value"), [(check, value) for check, values in GOOD.items() for value in values])
def test_what_kubernetes_takes_is_taken(check: checks.Check, value: object) -> None:
    """A value inside the rule passes."""
    assert check(value) is None


@pytest.mark.parametrize(("check", "value"), [(check, value) for check, values in BAD.items() for value in values])
def test_what_kubernetes_refuses_is_refused(check: checks.Check, value: object) -> None:
    """A value outside the rule gets the rest of a sentence that says what is allowed."""
    assert (check(value) or "").startswith("must ")


@given(st.integers(1, 10**6), st.sampled_from(["", "k", "Ki", "M", "Mi", "G", "Gi", "T", "Ti", "P", "Pi"]))
def test_sizes_are_exact(number: int, unit: str) -> None:
    """Sizes are compared in whole bytes, without rounding errors."""
    base = 1024 if unit.endswith("i") else 1000
    power = " kMGTP".upper().index(unit[0].upper()) if unit else 0
    assert quantities.size_in_bytes(f"{number}{unit}") == number * base**power
