"""Arguments held against each other, one module per theme.

Imports the other modules of `arguments`, `foundation` and `errors`.
"""
