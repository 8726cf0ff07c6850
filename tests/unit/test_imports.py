"""What a program imports with the package."""

import subprocess
import sys

SELDOM = (
    "pulumi_kubernetes.networking.",
    "pulumi_kubernetes.policy.",
    "pulumi_kubernetes.storage.",
)


def test_what_few_services_need_is_not_imported() -> None:
    """The classes of objects are imported when one is made, and the client when there is something to look at."""
    program = "import sys, pulumi_stateful_service; print(*sys.modules, sep='\\n')"
    imported = subprocess.run([sys.executable, "-c", program], check=True, stdout=subprocess.PIPE, text=True).stdout
    assert "pulumi_kubernetes" in imported.splitlines()
    assert [name for name in imported.splitlines() if name.startswith(SELDOM)] == []
