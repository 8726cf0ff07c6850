"""What a program start imports: measured by ``start.py``, and named in docs/performance.md as it is now."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping

IMPORTS = {
    "plain": "import pulumi, pulumi_kubernetes.apps.v1, pulumi_kubernetes.core.v1",
    "component": "import pulumi_stateful_service",
}
_IMPORTED = """
import json, sys, time, resource
started = time.process_time()
{imports}
seconds = time.process_time() - started
print(json.dumps([seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
                  sorted({{name.partition(".")[0] for name in sys.modules}})]))
"""


def imported(way: str, env: Mapping[str, str]) -> tuple[float, float, set[str]]:
    """Processor time in seconds, memory in MiB, and the modules that a process has then."""
    command = [sys.executable, "-c", _IMPORTED.format(imports=IMPORTS[way])]
    said = subprocess.run(command, env=dict(env), check=True, capture_output=True, text=True).stdout
    seconds, memory, modules = json.loads(said)
    return seconds, memory, {name for name in modules if not name.startswith("_")}


def imported_beyond_plain() -> list[str]:
    """The modules that the component imports and plain does not, but for those of Python itself."""
    *_, ours = imported("component", os.environ)
    *_, plain = imported("plain", os.environ)
    return sorted(ours - plain - sys.stdlib_module_names)
