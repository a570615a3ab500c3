"""Versions of installed packages."""

from importlib import metadata


def installed_version(name: str) -> str:
    """The version of a package here.

    TensorFlow may be the build without CUDA, which has a name of its own.
    """
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        if name != "tensorflow":
            raise
        return metadata.version(f"{name}-cpu")
