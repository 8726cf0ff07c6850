"""Where Pulumi starts the plugin."""

from pulumi_stateful_service.plugin import serve

serve()
