"""Secrets and ConfigMaps with values and files: each version is there as long as an instance needs it.

Apart from the rest of `live`, which knows of them only that they exist.
"""
