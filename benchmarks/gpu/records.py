"""Public logs as transformed records, made once and kept under build/.

Reading them needs no TFX.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import os
from pathlib import Path
from typing import Any

import tensorflow as tf
import yaml

from preprocessing.features import SPLITS
from preprocessing.schema import build_schema
from preprocessing.spec import DatasetSpec
from trainer.config import TrainerConfig
from trainer.inputs import StageInputs

ROOT = Path(__file__).parents[2]
DATA_SETS = {"ml_100k": "ml-100k/ml-100k.inter", "completejourney": "completejourney/log.parquet"}
_KEPT = ("pretrain", "pretrain_validation", "train", "validation", "catalog")
_ANALYSED = ("pretrain", "train", "catalog")
_FORMAT = "format.json"


@dataclasses.dataclass(frozen=True)
class SavedInputs(StageInputs):
    """A stage's inputs that know the records' format from a file.

    So they can be read where TensorFlow Transform is not installed.
    """

    def transform_output(self) -> Any:
        """What of a tft.TFTransformOutput training asks for."""
        return _Format(json.loads((Path(self.transform_dir) / _FORMAT).read_text()))


@dataclasses.dataclass(frozen=True)
class _Format:
    content: dict[str, Any]

    def transformed_feature_spec(self) -> dict[str, Any]:
        features: dict[str, Any] = {}
        for name, (shape, dtype) in self.content["dense"].items():
            features[name] = tf.io.FixedLenFeature(shape, dtype)
        for name, (key, dtype) in self.content["lists"].items():
            features[name] = tf.io.RaggedFeature(dtype, value_key=key)
        return features

    def vocabulary_size_by_name(self, name: str) -> int:
        return int(self.content["vocabularies"][name])


def available(folder: Path) -> list[str]:
    """The data sets whose records are there, or whose logs are."""
    names = []
    for name, log in DATA_SETS.items():
        if _is_made(folder / name) or (ROOT / "data" / log).exists():
            names.append(name)
    return names


def stage_inputs(name: str, stage: str, folder: Path) -> SavedInputs:
    """The inputs of a stage, by the data set's own configuration.

    Args:
        name: The data set.
        stage: `pretrain` or `finetune`.
        folder: Where records are kept; they are made if they aren't there.
    """
    content = yaml.safe_load((ROOT / "configs" / f"{name}.yaml").read_text())
    spec = DatasetSpec.model_validate(content["dataset"])
    config = TrainerConfig.model_validate(content["trainer"])
    made = folder / name
    if not _is_made(made):
        _make(spec, made)
    is_pretraining = stage == "pretrain"
    train = "pretrain" if is_pretraining else "train"
    validation = "pretrain_validation" if is_pretraining else "validation"

    def files_of(split: str) -> list[str]:
        return [str(made / f"{split}-*.gz")]

    return SavedInputs(
        files_of(train), files_of(validation), files_of("catalog"), str(made), spec, config
    )


def _is_made(folder: Path) -> bool:
    return (folder / _FORMAT).exists()


def _make(spec: DatasetSpec, folder: Path) -> None:
    import apache_beam as beam
    import tensorflow_transform as tft
    import tensorflow_transform.beam as tft_beam
    from tfx_bsl.tfxio import tf_example_record

    from preprocessing.records import WriteRecords
    from preprocessing.transform import preprocessing_fn

    print(f"making the records of {spec.name} in {folder} (minutes, once)", flush=True)
    raw = folder / "raw"
    folders = {split: str(raw / split) for split in SPLITS}
    before = os.getcwd()
    os.chdir(ROOT / "data")  # where a spec's paths start
    try:
        with beam.Pipeline("FnApiRunner", argv=[]) as pipeline:
            _ = pipeline | WriteRecords(folders, spec, str(raw))
    finally:
        os.chdir(before)
    reader = tf_example_record.TFExampleBeamRecord(
        physical_format="inmem", schema=build_schema(spec)
    )
    adapter = reader.TensorAdapterConfig()
    function = functools.partial(preprocessing_fn, custom_config={"spec": spec.model_dump_json()})
    with (
        beam.Pipeline("FnApiRunner", argv=[]) as pipeline,
        tft_beam.Context(temp_dir=str(folder / "temp")),
    ):
        batches = {}
        for split in _KEPT:
            read = beam.io.ReadFromTFRecord(str(raw / split / "*.gz"))
            records = pipeline | f"Read[{split}]" >> read
            batches[split] = records | f"Batch[{split}]" >> reader.BeamSource()
        analysed = [batches[split] for split in _ANALYSED] | beam.Flatten()
        graph = (analysed, adapter) | tft_beam.AnalyzeDataset(function)
        _ = graph | tft_beam.WriteTransformFn(str(folder / "graph"))
        for split in _KEPT:
            transform = tft_beam.TransformDataset(output_record_batches=True)
            both = ((batches[split], adapter), graph)
            data, metadata = both | f"Transform[{split}]" >> transform
            schema = beam.pvalue.AsSingleton(metadata.deferred_metadata)
            examples = data | f"Encode[{split}]" >> beam.FlatMap(_encoded, schema)
            path = str(folder / split)
            _ = examples | f"Write[{split}]" >> beam.io.WriteToTFRecord(
                path, file_name_suffix=".gz", num_shards=8
            )
    # Last: the records are there when their format is.
    format_ = _described(tft.TFTransformOutput(str(folder / "graph")))
    (folder / _FORMAT).write_text(json.dumps(format_))


def _encoded(batch: Any, metadata: Any) -> list[bytes]:
    from tfx_bsl.coders import example_coder

    return example_coder.RecordBatchToExamplesEncoder(metadata.schema).encode(batch[0])


def _described(output: Any) -> dict[str, Any]:
    """What `_Format` reads."""
    dense: dict[str, Any] = {}
    lists: dict[str, Any] = {}
    for name, feature in output.transformed_feature_spec().items():
        if isinstance(feature, tf.io.RaggedFeature):
            lists[name] = [feature.value_key, feature.dtype.name]
        else:
            dense[name] = [list(feature.shape), feature.dtype.name]
    vocabularies: dict[str, int] = {}
    for asset in (Path(output.transform_savedmodel_dir) / "assets").iterdir():
        vocabularies[asset.name] = int(output.vocabulary_size_by_name(asset.name))
    return {"dense": dense, "lists": lists, "vocabularies": vocabularies}
