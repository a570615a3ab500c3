"""The private APIs that training needs are where they were, and do what they did."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from tests.compat import follows


def test_variables_become_constants() -> None:
    with follows("trainer/compat/constants.py", "TensorFlow's convert_variables_to_constants_v2"):
        from trainer.compat.constants import graph_without_variables

        weight = tf.Variable([[2.0]])
        function = tf.function(lambda x: tf.matmul(x, weight))
        graph = graph_without_variables(
            function.get_concrete_function(tf.TensorSpec([1, 1], tf.float32))
        )
        types = {operation.type for operation in graph.get_operations()}
        assert "MatMul" in types
        assert not types & {"VarHandleOp", "ReadVariableOp"}


@pytest.mark.slow
def test_a_part_of_a_model_is_backed_up_and_restored(tmp_path: Path) -> None:
    with follows("trainer/compat/keras_backup.py", "Keras's BackupAndRestore"):
        from trainer.compat.keras_backup import PartialBackup

        class Bias(PartialBackup):
            def kept(self) -> dict[str, object]:
                return {"bias": self.model.layers[-1].bias, "optimizer": self.model.optimizer}

        def fitted(epochs: int) -> keras.Model:
            model = keras.Sequential([keras.layers.Dense(1, input_shape=[1])])
            model.compile("sgd", "mse")
            backup = Bias(str(tmp_path), delete_checkpoint=False)
            model.fit(np.ones([8, 1]), np.full([8], 5.0), 8, epochs, verbose=0, callbacks=[backup])
            return model

        before = fitted(epochs=2).layers[-1]
        # Both epochs are done: nothing is trained, and only the bias comes from the backup.
        after = fitted(epochs=2).layers[-1]
        assert float(after.bias[0]) == float(before.bias[0]) != 0
        assert float(after.kernel[0, 0]) != float(before.kernel[0, 0])
