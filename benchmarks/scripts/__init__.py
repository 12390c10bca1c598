"""The same training job as three whole scripts, each timed as a process of its own."""

import sys

__all__ = ["hide_other_backends"]


class _Absent:
    """A finder of modules that says of TensorFlow and PyTorch that there are none."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> None:
        """Refuse the hidden packages, and leave all else to the finders that follow."""
        if name.partition(".")[0] in ("tensorflow", "torch"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def hide_other_backends() -> None:
    """Let this process believe that neither TensorFlow nor PyTorch is installed."""
    sys.meta_path.insert(0, _Absent)
