"""Before the engine's operation: what it would do, and whether it is refused. Only reads.

Imports `live.state`, `live.client`, and nothing that acts.
"""
