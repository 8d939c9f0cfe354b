"""Train variants of the recommended recipe on the same rows, and go on where the result ends

python recipes.py RESULT [--rows N] [--seeds N ...] [--recipes NAME ...]"""
import argparse
import json
import logging
import re
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

import numpy as np
import torch
from datasets import Dataset, concatenate_datasets, disable_progress_bars
from torch.nn.functional import cross_entropy, kl_div, log_softmax, normalize
from transformers import TrainerCallback
from transformers.utils import logging as transformers_logging

from nace_clf.config import demo_config
from nace_clf.data import Data, label_names, load_data
from nace_clf.parts.batches import pad_batch
from nace_clf.parts.codes import parse
from nace_clf.parts.engine import autocast
from nace_clf.parts.machine import choose_precision
from nace_clf.parts.nace import codes, convert, section, title
from nace_clf.parts.tables import read_table
from nace_clf.parts.texts import fold
from nace_clf.parts.trainer import OrderedTrainer
from nace_clf.parts.wordings import fetch_notes
from nace_clf.train import build_trainer, compute_scores

TABLE = Path("../../.bench/data/random/nace_train.csv")
disable_progress_bars()
transformers_logging.disable_progress_bar()
logging.getLogger("nace_clf").setLevel(logging.ERROR)


@cache
def split(seed: int, rows: int | None) -> Data:
    "Draw the validation rows and `rows` of the training rows, or all"
    ds = load_data(TABLE, demo_config(seed=seed))
    return _trained_on(ds, ds["train"].shuffle(seed=seed).select(range(rows or len(ds["train"]))))


def _trained_on(ds: Data, train: Dataset) -> Data:
    "Replace the training rows of `ds`"
    found = Data(train=train, validation=ds["validation"])
    found.labels, found.table = ds.labels, ds.table
    return found


def logit_adjusted(trainer: OrderedTrainer):
    "Add the logarithm of each class's share to its logit in the loss (Menon et al. 2021)"
    rows = trainer.train_dataset
    counts = np.bincount(rows["label"][:], minlength=trainer.model.config.num_labels)
    share = counts.clip(min=1) / len(rows)
    prior = torch.tensor(np.log(share), dtype=torch.float32, device=trainer.args.device)
    loss = trainer.compute_loss_func

    def adjusted(outputs, labels, **kwargs):
        "Compute the loss of the adjusted logits while training"
        if outputs.logits.requires_grad: outputs.logits = outputs.logits + prior
        return loss(outputs, labels, **kwargs)
    trainer.compute_loss_func = adjusted


def layerwise(trainer: OrderedTrainer, factor: float = 0.8):
    "Multiply the learning rate by `factor` for each layer further down (Howard and Ruder 2018)"
    depth = len(trainer.model.base_model.encoder.layer)
    groups = defaultdict(list)
    for name, p in trainer.model.named_parameters():
        if not p.requires_grad: continue
        layer = int(name.split(".layer.")[1].split(".")[0]) + 1 if ".layer." in name else depth + 1
        groups[layer, p.ndim > 1].append(p)
    rate, decay = trainer.args.learning_rate, trainer.args.weight_decay
    options = []
    for (layer, matrix), params in groups.items():
        slower = factor ** (depth + 1 - layer)
        options.append({"params": params, "lr": rate * slower, "weight_decay": decay * matrix})
    trainer.optimizer = torch.optim.AdamW(options, fused=True)


def r_drop(trainer: OrderedTrainer, alpha: float = 1.0):
    "Ask each batch twice under dropout, and pull the two answers together (R-Drop, Wu et al. 2021)"
    def compute_loss(model, inputs, return_outputs=False, num_items_in_batch=None):
        "Compute the two losses and the symmetric Kullback-Leibler divergence"
        if not model.training:
            return OrderedTrainer.compute_loss(
                trainer, model, inputs, return_outputs, num_items_in_batch)
        labels = inputs.pop("labels")
        answers = [model(**inputs) for _ in range(2)]
        first, second = (o.logits.float() for o in answers)
        p, q = log_softmax(first, -1), log_softmax(second, -1)
        both = [kl_div(a, b, log_target=True, reduction="batchmean") for a, b in ((p, q), (q, p))]
        losses = [trainer.compute_loss_func(o, labels, num_items_in_batch) for o in answers]
        return sum(losses) / 2 + alpha * sum(both) / 2
    trainer.compute_loss = compute_loss


class Average(TrainerCallback):
    "Put a moving average of the weights in their place at the end (Izmailov et al. 2018)"
    def __init__(self, decay: float = 0.99):
        self.decay, self.mean = decay, None

    def on_step_end(self, args, state, control, model=None, **kwargs):
        "Take the weights of this step into the average"
        now = {k: p.detach() for k, p in model.named_parameters() if p.requires_grad}
        if self.mean is None: self.mean = {k: p.clone() for k, p in now.items()}
        share = 1 - min(self.decay, 1 - 1 / (state.global_step + 1))
        for k, p in now.items(): self.mean[k].lerp_(p, share)

    @torch.no_grad()
    def on_train_end(self, args, state, control, model=None, **kwargs):
        "Put the average into the model"
        for k, p in model.named_parameters():
            if p.requires_grad: p.copy_(self.mean[k])


def average(trainer: OrderedTrainer):
    "Average the weights"
    trainer.add_callback(Average())


class HeadFirst(TrainerCallback):
    "Train the head alone for the first tenth of the steps (Kumar et al. 2022)"
    def on_train_begin(self, args, state, control, model=None, **kwargs):
        "Freeze the body, and remember what was trained"
        self.body = [p for p in model.base_model.parameters() if p.requires_grad]
        for p in self.body: p.requires_grad_(False)

    def on_step_end(self, args, state, control, **kwargs):
        "Let the body go"
        if state.global_step == state.max_steps // 10:
            for p in self.body: p.requires_grad_(True)


def head_first(trainer: OrderedTrainer):
    "Warm the head up"
    trainer.create_optimizer()  # with the body in it
    trainer.add_callback(HeadFirst())


class Mean(torch.nn.Module):
    "Pool by the mean of all tokens, as this model was pretrained, instead of the first token"
    def __init__(self):
        super().__init__()
        self.mask = None

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        "Average over the tokens that are no padding"
        return (hidden * self.mask).sum(1) / self.mask.sum(1)


def mean_pooling(trainer: OrderedTrainer):
    "Put the mean in place of the pooler"
    body = trainer.model.base_model
    # the last layer is needed for all tokens
    body.encoder.layer[-1].attention.output._forward_pre_hooks.clear()
    body.pooler = Mean()

    def remember(_, __, inputs): body.pooler.mask = inputs["attention_mask"].unsqueeze(-1).float()
    body.register_forward_pre_hook(remember, with_kwargs=True)


def random_pooler(trainer: OrderedTrainer):
    "Start the layer above the first token from random weights, as Transformers does"
    torch.manual_seed(trainer.args.seed)
    layer = trainer.model.base_model.pooler.dense
    torch.nn.init.normal_(layer.weight, std=trainer.model.config.initializer_range)


def pairs(held: Iterable[str]) -> list[tuple[str, str]]:
    "List pairs of titles of one NACE code in two languages, without the titles that are held out"
    df = read_table(TABLE)
    df = df[(df.code.str.len() >= 4) & ~df.text.map(fold).isin(set(map(fold, held)))]
    both = df.merge(df, on="code")
    both = both[both.lang_x < both.lang_y].drop_duplicates("text_x")
    return list(zip(both.text_x, both.text_y))


def contrastive(trainer: OrderedTrainer, temperature: float = 0.05):
    """Pull titles of one code in two languages together and all others apart, for one epoch

    Before training; van den Oord et al. 2018."""
    model, tokenizer = trainer.model, trainer.processing_class
    device, seed = trainer.args.device, trainer.args.seed
    found = pairs(split(seed, None)["validation"]["text"][:])
    order = np.random.default_rng(seed).permutation(len(found))
    order = order[np.argsort([sum(map(len, found[i])) for i in order], kind="stable")]
    batches = [order[i:i + 32] for i in range(0, len(order), 32)]
    np.random.default_rng(seed).shuffle(batches)
    trained = [p for p in model.base_model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=5e-5, fused=True)
    model.train()
    for batch in batches:
        titles = [found[i][side] for side in (0, 1) for i in batch]
        tokens = tokenizer(titles, truncation=True, max_length=256)["input_ids"]
        ids, mask = pad_batch(tokens, tokenizer.pad_token_id)
        mask = torch.ones_like(ids) if mask is None else mask
        with autocast(device.type, choose_precision()):
            out = model.base_model(input_ids=ids.to(device), attention_mask=mask.to(device))
        a, b = normalize(out.last_hidden_state[:, 0].float(), dim=-1).chunk(2)
        near = a @ b.T / temperature
        same = torch.arange(len(batch), device=device)
        ((cross_entropy(near, same) + cross_entropy(near.T, same)) / 2).backward()
        optimizer.step()
        optimizer.zero_grad()


def with_titles(ds: Data) -> Data:
    "Add the official titles of NACE, unless a title of the validation rows is the same"
    held, names = set(map(fold, ds["validation"]["text"][:])), label_names(ds)
    rows = {}
    for code in [c for level in ("division", "group", "class") for c in codes(level, "2")]:
        text = title(code, "2")
        if fold(text) not in held: rows[fold(text)] = text, names.index(section(code, "2"))
    return _with(ds, list(rows.values()))


def _with(ds: Data, rows: list[tuple[str, int]]) -> Data:
    "Add `rows` to the training rows"
    text, label = zip(*rows)
    more = Dataset.from_dict({"text": text, "label": label}, features=ds["train"].features)
    return _trained_on(ds, concatenate_datasets([ds["train"], more]))


@cache
def others(seed: int, rows: int | None, n: int = 2) -> tuple[list[torch.nn.Module], float]:
    "Train `n` more models on the rows of `seed` in other orders, from the same first weights"
    ds, models, start = split(seed, rows), [], time.perf_counter()
    for k in range(n + 1):
        cfg = demo_config(**BARE | {"seed": seed + 100 * k})
        with tempfile.TemporaryDirectory() as tmp:
            other = build_trainer(ds, cfg, tmp, progress=False)
            if k == 0:
                first = other.model.state_dict()
                continue
            other.model.load_state_dict(first)
            other.train()
        models.append(other.model)
    return models, time.perf_counter() - start


def ensemble(trainer: OrderedTrainer, models: list[torch.nn.Module]):
    "Average the logarithms of the probabilities of three models"
    models, predict = [*models, trainer.model], trainer.predict

    def averaged(rows: Dataset):
        "Ask each model, and average"
        answers = []
        for trainer.model in models: answers.append(predict(rows))
        each = [log_softmax(torch.tensor(o.predictions), -1).numpy() for o in answers]
        return answers[-1]._replace(predictions=np.mean(each, axis=0))
    trainer.predict = averaged


class Soup(TrainerCallback):
    "Average the weights with those of other models at the end (Wortsman et al. 2022)"
    def __init__(self, models: list[torch.nn.Module]):
        self.models = [dict(m.named_parameters()) for m in models]

    @torch.no_grad()
    def on_train_end(self, args, state, control, model=None, **kwargs):
        "Put the average into the model"
        for k, p in model.named_parameters():
            if p.requires_grad: p.copy_(torch.stack([p, *(m[k] for m in self.models)]).mean(0))


def soup(trainer: OrderedTrainer, models: list[torch.nn.Module]):
    "Average the weights of three models"
    trainer.add_callback(Soup(models))


def sections_of(code: str) -> set[str]:
    "List the sections of Rev. 2 that a class of Rev. 2.1 lies in; none if `code` is no class"
    if not re.fullmatch(r"[0-9]{2}\.[0-9]{2}", code): return set()
    return {section(c, "2") for c in convert(parse(code, "2.1").code, "2.1", "2")}


def notes() -> dict[str, tuple[str, str]]:
    """Read the activities that the explanatory notes of NACE Rev. 2.1 list in its classes

    With the section in Rev. 2, by folded text."""
    entry = re.compile(r'^    (CODE|Includes|IncludesAlso): (".*?"),?$', re.M)
    found, sections = {}, set()
    for key, value in entry.findall(fetch_notes().partition("var naceStructure")[2]):
        value = json.loads(value)
        if key == "CODE": sections = sections_of(value)
        if key == "CODE" or len(sections) != 1: continue
        for line in re.findall(r"^- *(.+)", value.replace("\\n", "\n"), re.M):
            text = re.sub(r"[\s,:;.]*(e\.g\.)?[\s,:;.]*$", "", line)
            if len(text) > 3: found[fold(text)] = text, min(sections)
    return found


def with_notes(ds: Data) -> Data:
    "Add what the explanatory notes list, unless a title of the validation rows is the same"
    held, names = set(map(fold, ds["validation"]["text"][:])), label_names(ds)
    rows = {key: (text, names.index(letter)) for key, (text, letter) in notes().items()}
    return _with(ds, [row for key, row in rows.items() if key not in held])


BARE = {"eval_strategy": "no", "save_strategy": "no", "load_best": False,
        "baseline": False, "blend": False}  # the BERT alone, scored at the end
RECIPES: dict[str, tuple[dict, Callable | None]] = {  # settings, what to change
    "recommended": ({}, None),
    "learning rate 5e-5": (dict(learn_rate=5e-5), None),
    "learning rate 4e-4": (dict(learn_rate=4e-4), None),
    "8 epochs": (dict(epochs=8), None),
    "all layers trained": (dict(freeze_layers=0), None),
    "9 of 12 layers frozen": (dict(freeze_layers=9), None),
    "dropout 0.1": (dict(dropout=0.1), None),
    "head from centroids": (dict(head_start="centroids"), None),
    "no class weights": (dict(class_weights="none"), None),
    "no label smoothing": (dict(label_smoothing=0.0), None),
    "logit adjustment": (dict(class_weights="none"), logit_adjusted),
    "lower rates further down": ({}, layerwise),
    "average of weights": ({}, average),
    "head alone at first": ({}, head_first),
    "random pooler": ({}, random_pooler),
    "mean of all tokens": ({}, mean_pooling),
    "contrastive pairs first": ({}, contrastive),
    "with official titles": ({}, with_titles),
    "with explanatory notes": ({}, with_notes),
    "R-Drop": (dict(dropout=0.1), r_drop),
    "three seeds, answers averaged": ({}, ensemble),
    "three seeds, weights averaged": ({}, soup),
}


def score(name: str, seed: int, rows: int | None) -> dict:
    "Train one recipe, and score it on the validation rows"
    settings, change = RECIPES[name]
    cfg = demo_config(**BARE | {"seed": seed} | settings)
    more = change in (with_titles, with_notes)
    ds = change(split(seed, rows)) if more else split(seed, rows)
    models, spent = others(seed, rows) if change in (ensemble, soup) else (None, 0.0)
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as tmp:
        trainer = build_trainer(ds, cfg, tmp, progress=False)
        if models: change(trainer, models)
        elif change and not more: change(trainer)
        trainer.train()
    seconds = time.perf_counter() - start + spent
    out = trainer.predict(trainer.eval_dataset)
    found = compute_scores(out.predictions, out.label_ids)
    loss = float(cross_entropy(torch.tensor(out.predictions), torch.tensor(out.label_ids)))
    return {
        "recipe": name, "seed": seed, "rows": len(ds["train"]), "held_out": len(ds["validation"]),
        "seconds": round(seconds, 1), "accuracy": round(found["accuracy"], 5),
        "f1_macro": round(found["f1_macro"], 5), "log_loss": round(loss, 5),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("result", type=Path)
    parser.add_argument("--rows", type=int)
    parser.add_argument("--seeds", type=int, nargs="+", default=[42, 43, 44])
    parser.add_argument("--recipes", choices=RECIPES, nargs="+", default=list(RECIPES))
    args = parser.parse_args()
    log = args.result
    found = json.loads(log.read_text(encoding="utf-8")) if log.is_file() else []
    done = {(o["recipe"], o["seed"]) for o in found}
    for seed in args.seeds:
        for name in args.recipes:
            if (name, seed) in done: continue
            found.append(score(name, seed, args.rows))
            print(found[-1], flush=True)
            log.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
