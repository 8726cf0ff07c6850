"""What users write, and whether it can work: types, checks and validation.

Knows no cluster; imports `foundation` and `errors` alone.
"""
