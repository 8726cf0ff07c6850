"""The server through which Pulumi's engine calls the hooks: one, started before anything of the program can fail.

Where a program fails, Pulumi's SDK stops this server. gRPC ends the process by a segmentation fault where a server is
stopped while it starts, and a hook starts it in the background: the message of an early failure would be lost. And the
SDK keeps the server in the context of the task that has started it, so that each resource with a hook would start
another. The whole story is in ``docs/upstream.md``.
"""

from importlib import import_module

import pulumi


def start_callback_server() -> None:
    """Starts the server and waits until it runs. Does nothing where it runs, or where the SDK has none to wait for."""
    if pulumi.runtime.get_root_resource() is None:
        return  # A plugin, which does not stop it.
    try:
        # What the SDK itself does for transforms of the stack; it has no public way.
        settings = import_module("pulumi.runtime.settings")
        known, get_callbacks = settings.SETTINGS.callbacks, settings._get_callbacks  # noqa: SLF001
        wait = import_module("pulumi.runtime.sync_await")._sync_await  # noqa: SLF001
    except (ImportError, AttributeError):
        return
    if known is None:
        # In the context from which all that the program registers from now on comes.
        settings.SETTINGS.callbacks = wait(get_callbacks())
