"""A report of a preview, for machines and pull requests: what happens to each StatefulService."""
