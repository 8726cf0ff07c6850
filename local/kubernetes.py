"""Asks and tells the cluster's API server, through kubectl or, where it has to be quick, directly."""

import base64
import json
import os
import ssl
import urllib.error
import urllib.request
from functools import cache
from pathlib import Path
from typing import Any

from local import binaries, commands, settings, templates
from local.console import last_lines
from local.errors import LocalError
from local.paths import KUBECONFIG, KUBECTL_CACHE, NAME

CONTEXT = NAME
CACHE_SETTING = {"KUBECACHEDIR": str(KUBECTL_CACHE)}
"""Keeps kubectl from writing what it knows of this cluster into the user's own folder."""


def write_kubeconfig(pki: Path, file: Path, server: str, **cluster: str) -> None:
    """Write a file that lets in whoever can read it, which is its owner only; everything is inside."""

    def inline(name: str) -> str:
        return base64.b64encode((pki / name).read_bytes()).decode()

    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": CONTEXT,
        "clusters": [
            {
                "name": CONTEXT,
                "cluster": {"server": server, "certificate-authority-data": inline("ca.crt"), **cluster},
            }
        ],
        "users": [
            {
                "name": CONTEXT,
                "user": {"client-certificate-data": inline("admin.crt"), "client-key-data": inline("admin.key")},
            }
        ],
        "contexts": [{"name": CONTEXT, "context": {"cluster": CONTEXT, "user": CONTEXT, "namespace": "default"}}],
    }
    templates.write(file, json.dumps(config, indent=2) + "\n")


@cache
def _tls(pki: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(pki / "ca.crt"))
    context.load_cert_chain(pki / "admin.crt", pki / "admin.key")
    return context


def get(pki: Path, path: str, limit: float = 5) -> Any:
    """The object at a path of the API, parsed; None when it does not exist or the server does not answer."""
    try:
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=_tls(pki))
        )
        with opener.open(settings.load().server + path, timeout=limit) as answer:
            body = answer.read()
    except (OSError, urllib.error.URLError):
        return None
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace")


def apply(text: str) -> None:
    """Make the cluster have these objects."""
    run(["apply", "--server-side", "--force-conflicts", "-f", "-"], text)


def run(arguments: list[str], text: str | None = None) -> str:
    """Run kubectl against the embedded cluster."""
    result = commands.run(
        [binaries.path("kubectl"), "--kubeconfig", KUBECONFIG, *arguments],
        text=text,
        environment={**os.environ, **CACHE_SETTING},
    )
    if result.returncode:
        raise LocalError(f"kubectl {' '.join(arguments[:3])} failed:\n{last_lines(result.stderr, 8)}")
    return result.stdout
