"""What is on the cluster: live objects in, what follows from them out.

Pure functions, which know no client. Imports `foundation`, `arguments.types` and `outside_text`.
"""
