"""What users write, and whether it can work: types, and the checks of values and across them.

Knows no cluster; imports `foundation` and `errors` alone.
"""
