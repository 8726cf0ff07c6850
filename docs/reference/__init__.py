"""What the reference page says of the arguments beside their docstrings: examples, and what a change does."""
