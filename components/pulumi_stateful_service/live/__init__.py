"""The live objects on the cluster: the only package that talks to an API server, and what a change does to them.

Imports `foundation`, `arguments`, `objects` and `errors`.
"""
