"""Looks at the cluster that Pulumi's Kubernetes provider deploys to, and the few changes made there."""
