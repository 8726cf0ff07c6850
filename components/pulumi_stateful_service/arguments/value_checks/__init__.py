"""Each argument by itself: its type, and the check of its value.

Imports `arguments.types`, `foundation` and `errors`.
"""
