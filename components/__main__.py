"""Where Pulumi starts the plugin."""

from pulumi_stateful_service._plugin import serve

serve()
