"""TensorFlow's own gs://, by which a run writes its artifacts there, at an emulator."""

from __future__ import annotations

import tensorflow as tf

from preprocessing.stored_folders import list_folder, read_file


def test_tensorflow_and_beam_see_the_same_files(tensorflow_gs_bucket: str) -> None:
    files = tf.io.gfile
    folder = f"{tensorflow_gs_bucket}/artifacts"
    files.makedirs(f"{folder}/empty")
    assert files.isdir(f"{folder}/empty") and not files.exists(f"{folder}/none")
    content = b"0123456789" * 1_000_000
    with files.GFile(f"{folder}/large", "wb") as file:
        file.write(content)
    files.rename(f"{folder}/large", f"{folder}/moved")
    assert read_file(f"{folder}/moved") == content
    with tf.io.TFRecordWriter(f"{folder}/records.gz", "GZIP") as writer:
        writer.write(b"a record")
    (record,) = tf.data.TFRecordDataset(f"{folder}/records.gz", "GZIP").as_numpy_iterator()
    assert record == b"a record"
    assert sorted(files.glob(f"{folder}/*")) == [
        f"{folder}/empty",
        f"{folder}/moved",
        f"{folder}/records.gz",
    ]
    # TensorFlow makes objects that stand for folders, which are no files to copy.
    assert set(list_folder(folder)) == {"moved", "records.gz"}
    files.rmtree(folder)
    assert not files.exists(folder)
