"""The private APIs that the model server needs are where they were, and do what they did."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import tensorflow as tf

import serving.compat
from tests.compat import follows


def test_a_session_runs_below_its_checks(tmp_path: Path) -> None:
    with follows("serving/compat/session.py", "TensorFlow's Session"):
        from serving.compat.session import handle_of, load_saved_model, run_unchecked

        module = tf.Module()
        module.weight = tf.Variable(3.0)
        module.triple = tf.function(lambda x: {"y": module.weight * x})
        signature = module.triple.get_concrete_function(tf.TensorSpec([None], tf.float32, "x"))
        tf.saved_model.save(module, str(tmp_path), {"triple": signature})
        graph = tf.Graph()
        with tf.compat.v1.Session(graph=graph) as session:
            found = load_saved_model(session, tmp_path).signature_def["triple"]
            x, y = (
                handle_of(graph.get_tensor_by_name(info.name))
                for info in (found.inputs["x"], found.outputs["y"])
            )
            assert run_unchecked(session, {x: np.array([2], np.float32)}, [y])[0].tolist() == [6]


def test_no_other_module_calls_what_they_hide() -> None:
    compat = Path(serving.compat.__file__).parent
    private = re.compile(r"\._[a-z]\w+|tensorflow\.python")
    hidden: set[str] = set()
    for module in compat.glob("*.py"):
        hidden.update(private.findall(module.read_text(encoding="utf-8")))
    assert hidden
    for module in compat.parent.rglob("*.py"):
        if module.parent != compat:
            used = private.findall(module.read_text(encoding="utf-8"))
            assert not hidden & set(used), module
