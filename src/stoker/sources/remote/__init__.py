"""Files that are not on a disk here: read in ranges, several at once, ahead, again after a failure, and kept.

`stores` asks for bytes of an object, `retrying` asks again, `blocks` keeps what came on the local disk,
`reader` makes of them what a file on a disk is.
"""

from stoker.sources.remote.names import is_remote

__all__ = ["is_remote"]
