"""The embedded Pulumi engine and Kubernetes cluster, for machines that have neither.

Run as ``python3 -m local <command>``, with nothing but the standard library, since it has to work before anything is
installed. What it builds is kept in the user's cache folder, what it runs in the user's state folder (`paths`).
"""
