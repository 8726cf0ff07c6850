"""Pure functions that build Kubernetes objects from checked arguments, one module per kind of object.

Imports `arguments` and `foundation`.
"""
