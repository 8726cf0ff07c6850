"""The embedded Pulumi engine and Kubernetes cluster, for machines that have neither.

Run as ``python3 -m local <command>``, with nothing but the standard library, since it has to work before anything is
installed. What it builds is kept in the user's cache folder, what it runs in the user's state folder (`paths`).
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - whoever runs it has not installed it
    sys.exit(f"error: Python 3.11 or newer is needed, and this is {sys.version.split()[0]}: make PYTHON=<a newer one>.")
