"""After the engine's operation: acts on Pods and claims, and waits until the rollout is complete.

Imports `live.state` and `live.client`; nothing of `live.before`, whose answers have been given.
"""
