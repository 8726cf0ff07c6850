"""Arguments held against each other, one module per theme.

Imports the types and defaults of `arguments`, `foundation` and `errors`.
"""
