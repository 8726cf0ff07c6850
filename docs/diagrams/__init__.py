"""Drawings for the documentation, as SVG, with the standard library alone."""
