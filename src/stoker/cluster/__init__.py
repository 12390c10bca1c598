"""Other processes, of a Ray cluster: how they are reached, and work that is spread over them."""

from stoker.cluster.connection import beside_us, connected_to_ray, heard, quiet_ray
from stoker.cluster.outcomes import Outcome, failed, is_of_a_lost_host
from stoker.cluster.place import Place

__all__ = [
    "Outcome",
    "Place",
    "beside_us",
    "connected_to_ray",
    "failed",
    "heard",
    "is_of_a_lost_host",
    "quiet_ray",
]
