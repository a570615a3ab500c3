"""An experiment on prepared records: its trainings, and which of them come first."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pipelines.config import RunConfig
from pipelines.experiment.cells import ENCODER, RESULT, Cell, pretrain_cell
from pipelines.experiment.config import ExperimentConfig
from pipelines.experiment.found import CellResult
from pipelines.experiment.records import Records
from pipelines.tuning import Overrides


@dataclasses.dataclass(frozen=True)
class Experiment:
    """Models by seeds.

    A model is tuned with the first seed: each setting is a cell, and the one with the best
    validation AUC counts. The other seeds train with its setting.

    Attributes:
        config: What is compared.
        run: The run that the records are from.
        records: Its records, by a model's `history_length`.
        cells: The folder of cells; experiments may share it, and so the cells that they have in
            common.
    """

    config: ExperimentConfig
    run: RunConfig
    records: Mapping[int | None, Records]
    cells: Path

    def waves(self, names: Sequence[str]) -> Iterator[list[Cell]]:
        """Lists of cells that need nothing but the lists before.

        A list must be done before the next is asked for. Seeds come one after another, so that at
        any time all models have about equally many.
        """
        for seed in self.config.seeds:
            rankers: list[Cell] = []
            for name in names:
                rankers += self._of_seed(name, seed)
            encoders: list[Cell] = []
            with_encoder: list[Cell] = []
            without: list[Cell] = []
            for ranker in rankers:
                if ranker.encoder is None:
                    without.append(ranker)
                else:
                    encoders.append(ranker.encoder)
                    with_encoder.append(ranker)
            yield _distinct(encoders + without)
            yield _distinct(with_encoder)

    def _of_seed(self, name: str, seed: int) -> list[Cell]:
        """The cells of a model and seed.

        With the first seed there is one for each setting. They must be done before those of other
        seeds are asked for.
        """
        if seed == self.config.seeds[0]:
            return self.trials(name)
        return [self.final_cell(name, seed)]

    def trials(self, name: str) -> list[Cell]:
        """A cell for each setting, with the first seed."""
        first = self.config.seeds[0]
        return [self._cell(name, setting, first) for setting in self._settings(name)]

    def is_tuned(self, name: str) -> bool:
        """Whether all trials of a model are done."""
        return all(cell.is_done(self.cells) for cell in self.trials(name))

    def best_setting(self, name: str) -> Overrides:
        """The setting with the best validation AUC; all trials must be done."""
        aucs = [cell.result(self.cells).validation_auc for cell in self.trials(name)]
        return self._settings(name)[aucs.index(max(aucs))]

    def final_cell(self, name: str, seed: int) -> Cell:
        """The cell whose predictions count; the model must be tuned."""
        return self._cell(name, self.best_setting(name), seed)

    def done(self) -> Iterator[CellResult]:
        """What the trainings left that results come from, encoders' among them."""
        cells: list[Cell] = []
        for name in self.config.models:
            cells += self.trials(name)
            if self.is_tuned(name):
                cells += [self.final_cell(name, seed) for seed in self.config.seeds]
        encoders = [cell.encoder for cell in cells if cell.encoder is not None]
        for cell in _distinct([*cells, *encoders]):
            if cell.is_done(self.cells):
                text = (cell.folder(self.cells) / RESULT).read_text()
                yield CellResult.model_validate_json(text)

    def trainings_left(self, names: Sequence[str]) -> dict[str, int]:
        """How many rankers of each model are still to be trained."""
        later = self.config.seeds[1:]
        left = {}
        for name in names:
            trials = [cell for cell in self.trials(name) if not cell.is_done(self.cells)]
            left[name] = len(trials)
            for seed in later:
                # Until all trials are done nobody knows which cell is the final one.
                is_done = not trials and self.final_cell(name, seed).is_done(self.cells)
                left[name] += not is_done
        return left

    def encoder_folder(self, cell: Cell) -> str | None:
        """Where the encoder that a cell starts from is, if it has one."""
        return None if cell.encoder is None else str(cell.encoder.folder(self.cells) / ENCODER)

    def _settings(self, name: str) -> list[Overrides]:
        """What is tried of a model; trees have no trainer to set."""
        return [{}] if self.config.models[name].counts else self.config.tuning.settings()

    def _cell(self, name: str, setting: Overrides, seed: int) -> Cell:
        trainer = self.config.trainer_config(self.run.trainer, name, setting, seed)
        trainer.check_fits(self.run.dataset)
        model = self.config.models[name]
        records = self.records[model.history_length]
        if model.counts:
            return Cell("counts", name, trainer, None, records)
        encoder = pretrain_cell(trainer, records) if model.pretrained else None
        return Cell("rank", name, trainer, encoder, records)


def _distinct(cells: Sequence[Cell]) -> list[Cell]:
    return list({cell.key: cell for cell in cells}.values())
