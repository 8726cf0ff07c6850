"""What every other package stands on: names, quantities, the arithmetic of quorums, and Outputs.

Imports no other package but `errors`.
"""
