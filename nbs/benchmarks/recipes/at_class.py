"""Train variants of the preset for classes on the same rows; score known and new wording

python at_class.py RESULT [--rows N] [--seeds N ...] [--variants NAME ...]

Goes on where RESULT ends. Each seed holds other sources out, whose wording is new to the model."""
import argparse
import json
import logging
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from datasets import Dataset, DatasetDict, disable_progress_bars
from sklearn.metrics import top_k_accuracy_score
from torch.nn.functional import cross_entropy, log_softmax, softmax
from transformers import TrainerCallback
from transformers.utils import logging as transformers_logging

from nace_clf.config import class_config
from nace_clf.data import Data, load_data, to_dataset
from nace_clf.parts.errors import Place
from nace_clf.parts.labels import Labels, Scheme, path_of, read_labels
from nace_clf.parts.loss import RowLoss
from nace_clf.parts.machine import processor
from nace_clf.parts.tables import read_table, write_table
from nace_clf.parts.trainer import OrderedTrainer
from nace_clf.parts.wordings import official_wordings, write_wordings
from nace_clf.tokenization import tokenize
from nace_clf.train import build_trainer, compute_scores

BENCH = Path(__file__).resolve().parents[3] / ".bench"
TABLES = BENCH / "data" / "random"
HELD = {42: ("UKSIC2003", "UKSIC2007", "PKD2007", "TOL2008"),  # English
        43: ("NAF1", "NAF2"),  # French
        44: ("GCED2011",)}  # Russian: no other row is
disable_progress_bars()
transformers_logging.disable_progress_bar()
logging.getLogger("nace_clf").setLevel(logging.ERROR)


@dataclass
class Split:
    "Hold the rows of a seed"
    ds: Data # rows to train on and, of the same sources, to score on
    new: Dataset # rows of the sources that were held out


@cache
def split(seed: int, rows: int) -> Split:
    "Hold sources out, and draw `rows` of the other rows and of the official wordings"
    at = BENCH / "data" / f"at_class_{seed}"
    at.mkdir(parents=True, exist_ok=True)
    table = read_table(TABLES / "nace_train.csv")
    out = table.source.isin(HELD[seed])
    held = write_table(table[~out], at / "rows.csv")
    test = read_table(TABLES / "nace_test.csv").text
    write_wordings(official_wordings("all"), at, [*test, *table[out].text])
    cfg = config(seed, wordings=str(at / "nace_wordings.csv"))
    ds = load_data(held, cfg)
    some = ds["train"].shuffle(seed=seed).select(range(rows))
    found = Data(train=some, validation=ds["validation"])
    found.labels, found.table = ds.labels, ds.table
    label, _ = read_labels(table[out].code, Place(held.name), Scheme("class", "2", partial="drop"))
    label = label[label.isin(ds.labels.names)]
    new = table.loc[label.index, ["text"]].assign(label=label)
    return Split(found, to_dataset(new, ds.labels))


def config(seed: int, **settings):
    "Set what the preset for classes sets; the BERT is scored alone, at the end"
    bare = {"eval_strategy": "no", "save_strategy": "no", "load_best": False, "neighbours": False}
    return class_config(label_col="code", revision="2", seed=seed, **bare | settings)


# The variants

def nearness(labels: Labels, share: float = 0.1, fall: float = 2.0) -> torch.Tensor:
    "Give each class its target: most to itself, the more to another the nearer in the tree"
    paths = [path_of(name, "2") for name in labels.names]
    common = torch.tensor([[len(a & b) for b in paths] for a in paths])
    near = torch.exp(fall * common.float()).fill_diagonal_(0)
    near = share * near / near.sum(1, keepdim=True)
    return near.fill_diagonal_(1 - share)


class NearLoss(RowLoss):
    "Spread the smoothed share over classes that are near in the tree (Bertinetto et al. 2020)"
    def _of_classes(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        "Add up the losses of rows whose class is known"
        if not logits.requires_grad: return cross_entropy(logits, labels, reduction="sum")
        of_row = -(self.target[labels] * log_softmax(logits, 1)).sum(1)
        return (self.weight[labels] * of_row).sum()


def near_smoothing(trainer: OrderedTrainer, labels: Labels):
    "Smooth labels by the distance in the tree"
    plain = trainer.compute_loss_func
    trainer.compute_loss_func = NearLoss(plain.weight, plain.label_smoothing, plain.open)
    trainer.compute_loss_func.target = nearness(labels)


class LastEpochs(TrainerCallback):
    "Put the mean of the weights over the last two fifths of the steps in their place"
    def on_train_begin(self, args, state, control, **kwargs): self.mean, self.n = {}, 0

    @torch.no_grad()
    def on_step_end(self, args, state, control, model=None, **kwargs):
        "Take the weights of this step into the mean"
        if state.global_step <= 0.6 * state.max_steps: return
        self.n += 1
        for k, p in model.named_parameters():
            if p.requires_grad: self.mean.setdefault(k, p.clone()).lerp_(p, 1 / self.n)

    @torch.no_grad()
    def on_train_end(self, args, state, control, model=None, **kwargs):
        "Put the mean into the model"
        for k, p in model.named_parameters():
            if k in self.mean: p.copy_(self.mean[k])


def last_epochs(trainer: OrderedTrainer, labels: Labels):
    "Average the last epochs"
    trainer.add_callback(LastEpochs())


def distilled(trainer: OrderedTrainer, labels: Labels, answers: np.ndarray):
    "Learn the answers of three models to the training rows, half and half with the rows' own codes"
    ids, pad = trainer.train_dataset["input_ids"][:], trainer.processing_class.pad_token_id
    asked = {tuple(row): i for i, row in enumerate(ids)}
    taught = softmax(torch.tensor(answers), dim=1)

    def compute_loss(model, inputs, return_outputs=False, num_items_in_batch=None):
        "Compute the mean of both losses"
        own = OrderedTrainer.compute_loss(trainer, model, inputs, True, num_items_in_batch)
        if not model.training: return own if return_outputs else own[0]
        rows = [asked[tuple(t for t in row if t != pad)] for row in inputs["input_ids"].tolist()]
        of_row = -(taught[rows] * log_softmax(own[1].logits.float(), 1)).sum(1)
        count = len(rows) if num_items_in_batch is None else num_items_in_batch
        loss = (own[0] + of_row.sum() / count) / 2
        return (loss, own[1]) if return_outputs else loss
    trainer.compute_loss = compute_loss


VARIANTS: dict[str, tuple[dict, Callable | None]] = {  # settings, what to change
    "recommended": ({}, None),
    "random head, 5 epochs": (dict(head_start="random", epochs=5), None),
    "5 epochs": (dict(epochs=5), None),
    "smoothing by distance": ({}, near_smoothing),
    "last epochs averaged": ({}, last_epochs),
}
THREE = ("three seeds, answers averaged", "three seeds, distilled into one")


def fitted(seed: int, rows: int, settings: dict, change: Callable | None, order: int = 0) -> dict:
    "Train a variant, and ask it for the rows to score on and for its training rows"
    data, start = split(seed, rows), time.perf_counter()
    first = config(seed, **settings)
    with tempfile.TemporaryDirectory() as tmp:
        trainer = build_trainer(data.ds, first, tmp, progress=False)
        if order:  # the same first weights, another order of the rows
            weights = trainer.model.state_dict()
            trainer = build_trainer(data.ds, config(seed + 100 * order, **settings), tmp, False)
            trainer.model.load_state_dict(weights)
        if change: change(trainer, data.ds.labels)
        trainer.train()
    seconds = time.perf_counter() - start
    new = tokenize(DatasetDict({"new": data.new}), trainer.processing_class,
                   trainer.processing_class.model_max_length)["new"]
    asked = {"known": trainer.eval_dataset, "new": new, "train": trainer.train_dataset}
    found = {k: trainer.predict(o).predictions for k, o in asked.items()}
    return found | {"seconds": seconds}


def scored(name: str, seed: int, rows: int, found: dict) -> dict:
    "Score the answers of a variant on known and on new wording"
    data = split(seed, rows)
    result = {"recipe": name, "seed": seed, "rows": len(data.ds["train"]),
              "seconds": round(found["seconds"], 1), "processor": processor()}
    for wording, part in (("known", data.ds["validation"]), ("new", data.new)):
        logits, label = np.asarray(found[wording]), np.array(part["label"][:])
        of = compute_scores(logits, label)
        result[wording] = {
            "n": len(label), "accuracy": round(of["accuracy"], 5),
            "f1_macro": round(of["f1_macro"], 5),
            "top_5_accuracy": round(float(top_k_accuracy_score(
                label, logits, k=5, labels=range(logits.shape[1]))), 5),
            "log_loss": round(float(cross_entropy(torch.tensor(logits).float(),
                                                  torch.tensor(label))), 5)}
    return result


def averaged(models: list[dict]) -> dict:
    "Average the logarithms of the probabilities of several models"
    def mean(part): return np.mean([log_softmax(torch.tensor(m[part]).float(), 1).numpy()
                                    for m in models], axis=0)
    return {part: mean(part) for part in ("known", "new", "train")} | {
        "seconds": sum(m["seconds"] for m in models)}


def main(log: Path, rows: int, seeds: list[int], names: list[str]):
    "Train what is not in the result yet"
    found = json.loads(log.read_text(encoding="utf-8")) if log.is_file() else []
    done = {(o["recipe"], o["seed"]) for o in found if o["rows"] == rows}

    def keep(name, seed, answers):
        "Write a score down"
        found.append(scored(name, seed, rows, answers))
        print(found[-1], flush=True)
        log.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    for seed in seeds:
        kept = None
        for name in names:
            if (name, seed) in done or name not in VARIANTS: continue
            answers = fitted(seed, rows, *VARIANTS[name])
            if name == "recommended": kept = answers
            keep(name, seed, answers)
        if not set(THREE) & set(names) or (THREE[1], seed) in done: continue
        kept = kept or fitted(seed, rows, {}, None)
        three = averaged([kept, *(fitted(seed, rows, {}, None, order) for order in (1, 2))])
        if (THREE[0], seed) not in done: keep(THREE[0], seed, three)
        def learn(trainer, labels): distilled(trainer, labels, three["train"])
        one = fitted(seed, rows, {}, learn)
        keep(THREE[1], seed, one | {"seconds": one["seconds"] + three["seconds"]})


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("result", type=Path)
    parser.add_argument("--rows", type=int, default=12_000)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(HELD))
    names = [*VARIANTS, *THREE]
    parser.add_argument("--variants", choices=names, nargs="+", default=names)
    args = parser.parse_args()
    main(args.result, args.rows, args.seeds, args.variants)
