"""What a change does to the live objects: each rule takes live and desired objects and returns refusals or warnings.

Pure functions; none of them talks to an API server. Imports `foundation` and the documentation's addresses.
"""
