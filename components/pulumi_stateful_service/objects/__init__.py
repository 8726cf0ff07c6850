"""Pure functions that build Kubernetes objects from arguments that were checked, one module per kind of object.

Imports `arguments` and `foundation`.
"""
