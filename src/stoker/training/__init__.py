"""Training through Keras's own ``fit``; importing this package settles the backend, so Keras comes after."""

from stoker.backends import choose

choose()
