"""Keras's own fit, fed by stoker."""
