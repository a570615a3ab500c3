"""The manifest of an exported version, by which a server knows that a copy of it is whole."""

from __future__ import annotations

import hashlib
import json
import os
from typing import Any

import tensorflow as tf

from serving import contract

_CHUNK = 2**20  # bytes that are read at once


def write_manifest(model_dir: str) -> None:
    """Writes contract.MANIFEST_FILE about every file that is there now.

    What is added later may come and go.
    """
    target = os.path.join(model_dir, contract.MANIFEST_FILE)
    files = {}
    for folder, _, names in tf.io.gfile.walk(model_dir):
        for name in names:
            path = os.path.join(folder, name)
            if path != target:
                files[os.path.relpath(path, model_dir)] = _entry(path)
    tf.io.gfile.makedirs(os.path.dirname(target))
    with tf.io.gfile.GFile(target, "w") as file:
        file.write(json.dumps({"files": dict(sorted(files.items()))}, indent=1))


def _entry(path: str) -> dict[str, Any]:
    digest = hashlib.sha256()
    size = 0
    with tf.io.gfile.GFile(path, "rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return {"bytes": size, "sha256": digest.hexdigest()}
