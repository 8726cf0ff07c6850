"""A credential plugin that a kubeconfig names, and how often the program has run it."""

import base64
import json
from datetime import timedelta
from pathlib import Path

from harness import Project


def exec_kubeconfig(project: Project, folder: Path, lives: timedelta | None) -> Path:
    """Has the kubeconfig's certificate come from a plugin; returns the file with a line for each run, and by whom."""
    config = json.loads(Path(project.env["KUBECONFIG"]).read_text())
    user = config["users"][0]["user"]
    runs, plugin, answer = folder / "runs", folder / "plugin", folder / "answer.json"
    certificate, key = (base64.b64decode(user[f"client-{each}-data"]).decode() for each in ("certificate", "key"))
    status = {"clientCertificateData": certificate, "clientKeyData": key}
    version = "client.authentication.k8s.io/v1"
    answer.write_text(json.dumps({"apiVersion": version, "kind": "ExecCredential", "status": status}))
    seconds = int(lives.total_seconds()) if lives else 0
    plugin.write_text(
        f"""#!/bin/sh
tr '\\0' ' ' < /proc/$PPID/cmdline | cut -c 1-200 >> {runs}
[ {seconds} = 0 ] && exec cat {answer}
until=$(date -u -d '+{seconds} seconds' +%Y-%m-%dT%H:%M:%SZ)
sed 's/"status": {{/"status": {{"expirationTimestamp": "'$until'", /' {answer}
"""
    )
    plugin.chmod(0o755)
    config["users"][0]["user"] = {
        "exec": {"apiVersion": version, "command": str(plugin), "interactiveMode": "Never", "args": []}
    }
    changed = folder / "kubeconfig-exec"
    changed.write_text(json.dumps(config))
    project.env = {**project.env, "KUBECONFIG": str(changed)}
    return runs


def runs_by_program(runs: Path) -> int:
    """How often the program has run the plugin since it was last asked; the engine and the provider are in Go."""
    lines = runs.read_text().splitlines() if runs.exists() else []
    runs.write_text("")
    return sum("python" in line for line in lines)
