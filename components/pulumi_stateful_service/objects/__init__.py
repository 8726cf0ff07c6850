"""Pure functions that build Kubernetes objects from validated arguments, one module per kind of object.

Imports `arguments` and `foundation`.
"""
