"""A client of the Kubernetes API that reads kubeconfigs as client-go does.

Imports `foundation` and `errors`, and no HTTP client before a cluster is connected to.
"""
