"""What is on the cluster, and what a change does to it: the only package that talks to an API server.

Imports `foundation` and `errors`.
"""
