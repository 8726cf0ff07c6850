"""What a change does to the live objects: live and desired objects in, refusals or warnings out.

Pure functions; none of them talks to an API server. Imports `live.state`, the forecast and the addresses of pages.
"""
