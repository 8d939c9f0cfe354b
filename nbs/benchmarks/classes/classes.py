"""Train and compare what the page on classes shows

python classes/classes.py, in nbs/benchmarks, after the page on peers: trains what is not there yet,
and writes classes.json. The trainings take hours; each is kept in .bench/runs."""
from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import log_softmax

from nace_clf.config import Config, class_config, small_config
from nace_clf.data import load_data
from nace_clf.parts.beside import linear_beside
from nace_clf.parts.errors import Place
from nace_clf.parts.labels import Scheme, read_labels
from nace_clf.parts.linear import fit_weights
from nace_clf.parts.machine import processor
from nace_clf.parts.nomenclature import Nomenclature, nace_nomenclature
from nace_clf.parts.tables import Table, read_table, write_table
from nace_clf.parts.texts import fold
from nace_clf.parts.wordings import official_wordings, write_wordings
from nace_clf.predict import Classifier
from nace_clf.save_load import fit
from nace_clf.tools.compare import Comparison, compare_models
from nace_clf.tools.start import start

HERE = Path(__file__).resolve().parent
BENCH = HERE.parents[2] / ".bench"
SEEDS = (42, 43, 44)
RUNS = {"random": BENCH / "runs" / "class", "source": BENCH / "runs" / "source_class"}
KEPT = ["accuracy", "f1_macro", "top_5_accuracy", "hierarchical_f1"]


def at_class(split: str, part: str) -> Path:
    "Write the rows of a table that have a class, with it as label"
    rows = read_table(BENCH / "data" / split / f"nace_{part}.csv")
    label, _ = read_labels(rows.code, Place(split), Scheme("class", "2", partial="drop"))
    at = BENCH / "data" / {"random": "class", "source": "source_class"}[split]
    at.mkdir(exist_ok=True)
    return write_table(rows.loc[label.index].assign(label=label), at / f"nace_{part}.csv")


def wordings(split: str) -> Path:
    "Write official wordings, without what the test table of `split` says"
    at = BENCH / "data" / split
    if not (at / "nace_wordings.csv").is_file():
        write_wordings(official_wordings("all"), at, read_table(at / "nace_test.csv").text)
    return at / "nace_wordings.csv"


def titles(split: str) -> Path:
    "Find the titles in 24 languages, which `wordings` writes beside"
    return wordings(split).with_name("nace_titles.csv")


def every_wording(split: str) -> Nomenclature:
    "Gather wordings and titles"
    tables = [pd.read_csv(path, dtype=str, keep_default_na=False)
              for path in (wordings(split), titles(split))]
    return nace_nomenclature("class", "2", pd.concat(tables))


def rows_alone(split: str) -> Path:
    "Train on the rows with a class alone, with the small preset and 20 epochs"
    name = "model" if split == "random" else "rows"  # the former is that of the page on peers
    cfg = small_config(label_col="code", level="class", revision="2", epochs=20, partial="drop",
                       seed=SEEDS[0])
    return trained(split, RUNS[split] / "nace_clf" / name, cfg)


def with_wordings(split: str, seed: int) -> Path:
    "Train on rows of every depth and official wordings, with the preset for classes"
    at = RUNS[split] / "nace_clf" / f"classes_{seed}"
    cfg = class_config(label_col="code", revision="2", wordings=str(wordings(split)),
                       near_wordings=str(titles(split)), seed=seed)
    return trained(split, at, cfg)


def trained(split: str, at: Path, cfg) -> Path:
    "Train into the folder `at`, unless it is there, and note how long it took"
    if not at.is_dir():
        began = time.perf_counter()
        fit(BENCH / "data" / split / "nace_train.csv", at, cfg, progress=False)
        note = {"seconds": time.perf_counter() - began}
        Path(f"{at}.seconds.json").write_text(json.dumps(note), encoding="utf-8")
    return at


def started(split: str) -> Path:
    "Make a model of the same wordings without any training"
    at = RUNS[split] / "start"
    if not at.is_dir(): start(every_wording(split), at)
    return at


def linear_peer(split: str) -> Path:
    "Train LinearSVC, the best peer without a pretrained model, on the wordings, too"
    out = RUNS[split] / "with_wordings" / "LinearSVC"
    if (out / "predictions.csv").is_file(): return out / "predictions.csv"
    train, test = at_class(split, "train"), at_class(split, "test")
    more = every_wording(split).wordings.rename(columns={"code": "label"})
    rows = pd.concat([read_table(train)[["text", "label"]], more])
    rows = rows[~rows.assign(text=rows.text.map(fold)).duplicated()]
    out.mkdir(parents=True, exist_ok=True)
    table = write_table(rows, out / "train.csv")
    script = HERE.parent / "peers" / "peer_linear_svc.py"
    subprocess.run([BENCH / "tfidf" / "bin" / "python", script, "--train", table, "--test", test,
                    "--out", out], check=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
    return out / "predictions.csv"


def compared(split: str, seed: int) -> Comparison:
    "Compare all models on the test rows of a split"
    from peers.recorded import Recorded
    test = at_class(split, "test")
    texts, whole = read_table(test).text.tolist(), Classifier(with_wordings(split, seed))
    models = {"classes preset": whole,
              "its BERT alone": Classifier(with_wordings(split, seed), blend=False),
              "rows alone": Classifier(rows_alone(split)),
              "no training": Classifier(started(split))}
    if split == "random":
        for path in sorted(RUNS[split].glob("*/predictions.csv")):
            if path.parent.name == "nace_clf": continue
            models[path.parent.name] = Recorded(path, texts, whole.names)
    models["LinearSVC, with wordings"] = Recorded(linear_peer(split), texts, whole.names)
    return compare_models(models, Table(test, "text", "label"), level="class", revision="2")


def result(c: Comparison) -> dict:
    "Collect scores with intervals, differences and verdicts"
    ours = (c.differences.a == "classes preset") & c.differences.score.isin(KEPT)
    told = json.loads(c.differences[ours].round(5).to_json(orient="records"))
    tests = c.tests[c.tests.a == "classes preset"].round(5).to_json(orient="records")
    ends = c.intervals[c.intervals.score.isin(KEPT)].round(5).to_json(orient="records")
    return {"n": c.n, "scores": c.scores.loc[KEPT].round(5).to_dict(), "differences": told,
            "tests": json.loads(tests), "intervals": json.loads(ends),
            "verdicts": [v for v in c.verdicts if v.startswith("classes preset")]}


def partners(seed: int, draws: int = 5) -> dict: # by rows, by model
    "Add up BERT, TF-IDF and neighbours on validation rows, with weights that other rows taught"
    at = with_wordings("random", seed)
    model, alone = Classifier(at), Classifier(at, blend=False)
    cfg = Config(**json.loads((at / "manifest.json").read_text(encoding="utf-8"))["config"])
    cfg.wordings, cfg.near_wordings = str(wordings("random")), str(titles("random"))
    ds = load_data(BENCH / "data" / "random" / "nace_train.csv", cfg)
    texts, y = ds["validation"]["text"][:], np.array(ds["validation"]["label"][:])
    states = model.states(texts)
    near, bert = model.neighbours.scores(states), alone.logits(texts)
    linear = linear_beside(ds["train"], ds.labels, cfg.seed).logits(texts)
    sums = {"BERT alone": [bert], "with TF-IDF": [bert, linear], "with neighbours": [bert, near],
            "with both": [bert, linear, near]}
    alike = model.neighbours.nearest(states, 1)[1][:, 0]
    some = {"all": np.arange(len(y)), "less alike half": np.argsort(alike)[:len(y) // 2]}
    rng = np.random.default_rng(0)
    folds = {k: [rng.integers(5, size=len(rows)) for _ in range(draws)] for k, rows in some.items()}
    return {k: {"rows": len(rows)} | {name: _cross_fitted(parts, y, rows, folds[k])
                                      for name, parts in sums.items()}
            for k, rows in some.items()}


def _cross_fitted(parts: list[np.ndarray], y: np.ndarray, rows: np.ndarray, folds: list) -> dict:
    "Score the sum of `parts` on `rows`, each fold with the weights that the others taught"
    found = []
    for fold_of in folds:
        out = np.empty((len(rows), parts[0].shape[1]))
        for k in np.unique(fold_of):
            known, held, whole = rows[fold_of != k], rows[fold_of == k], parts[0]
            for part in parts[1:]:
                own, theirs = fit_weights(whole[known], part[known], y[known])
                whole = own * whole + theirs * part
            out[fold_of == k] = whole[held]
        loss = -log_softmax(out, axis=1)[np.arange(len(rows)), y[rows]]
        found.append(((out.argmax(axis=1) == y[rows]).mean(), loss.mean()))
    return dict(zip(("accuracy", "log loss"), np.mean(found, axis=0).round(4).tolist()))


def new_sources(seed: int) -> dict: # by who taught the weights
    "Score BERT and neighbours with the folder's weights, and with those of other new sources"
    at = with_wordings("source", seed)
    model, alone = Classifier(at), Classifier(at, blend=False)
    rows = read_table(at_class("source", "test"))
    rows = rows[rows.label.isin(model.names)]
    texts, y = rows.text.tolist(), rows.label.map(list(model.names).index).to_numpy(int)
    bert, near = alone.logits(texts), model.neighbours.scores(model.states(texts))
    own, theirs = model.neighbours.weights
    taught, weights = np.empty_like(bert), []
    for source in rows.source.unique():
        held = (rows.source == source).to_numpy()
        a, b = fit_weights(bert[~held], near[~held], y[~held])
        taught[held] = a * bert[held] + b * near[held]
        weights.append((float(a), float(b)))
    sums = {"rows least alike": own * bert + theirs * near, "other new sources": taught}
    shares = {"rows least alike": own / (own + theirs),
              "other new sources": float(np.mean([a / (a + b) for a, b in weights]))}
    return {name: _scored(out, y) | {"share of the BERT": round(shares[name], 4)}
            for name, out in sums.items()}


def _scored(out: np.ndarray, y: np.ndarray) -> dict:
    "Score logits"
    loss = -log_softmax(out, axis=1)[np.arange(len(y)), y].mean()
    five = np.argsort(-out, axis=1)[:, :5]
    return {"rows": len(y), "accuracy": round(float((out.argmax(axis=1) == y).mean()), 4),
            "top 5": round(float((five == y[:, None]).any(axis=1).mean()), 4),
            "log loss": round(float(loss), 4)}


def rates(folder: Path, texts: list[str], rounds: int = 9) -> dict[str, float]: # texts a second
    "Time the prediction of `texts` with and without neighbours, in turns"
    models = {"with neighbours": Classifier(folder), "without": Classifier(folder, blend=False)}
    for model in models.values(): model.predict_proba(texts)  # once to warm up
    seconds = {name: [] for name in models}
    for _ in range(rounds):
        for name, model in models.items():
            began = time.perf_counter()
            model.predict_proba(texts)
            seconds[name].append(time.perf_counter() - began)
    ratio = np.median(np.array(seconds["without"]) / np.array(seconds["with neighbours"]))
    told = {name: len(texts) / float(np.median(s)) for name, s in seconds.items()}
    near = models["with neighbours"].neighbours
    return told | {"ratio": float(ratio), "wordings": len(near.texts), "processor": processor(),
                   "threads": int(os.environ.get("OMP_NUM_THREADS", os.cpu_count()))}


def about(split: str, seed: int) -> dict:
    "Say what a training with wordings was made of"
    at = with_wordings(split, seed)
    found = json.loads((at / "manifest.json").read_text(encoding="utf-8"))["data"]
    took = json.loads(Path(f"{at}.seconds.json").read_text(encoding="utf-8"))
    return {"rows": found["rows"], "partial": found["partial"],
            "wordings": found["wordings"]["rows"], "titles": found["near_wordings"]["rows"],
            "neighbours": str(Classifier(at).neighbours),
            **took}


def kept(path: Path, measure: Callable[[], dict]) -> dict:
    "Read what was measured, or measure and write it down"
    if not path.is_file():
        path.write_text(json.dumps(measure(), indent=1, ensure_ascii=False), encoding="utf-8")
    return json.loads(path.read_text(encoding="utf-8"))


def main():
    "Train what is missing, measure everything and write it down"
    found = {"processor": processor(), "about": {}, "runs": {}}
    for split in RUNS:
        found["about"][split] = {seed: about(split, seed) for seed in SEEDS}
        found["runs"][split] = {
            seed: kept(RUNS[split] / f"compared_{seed}.json",
                       lambda s=split, k=seed: result(compared(s, k))) for seed in SEEDS}
    found["partners"] = kept(RUNS["random"] / "partners.json", lambda: partners(SEEDS[0]))
    found["new_sources"] = {seed: kept(RUNS["source"] / f"new_sources_{seed}.json",
                                       lambda k=seed: new_sources(k)) for seed in SEEDS}
    texts = read_table(BENCH / "data" / "random" / "nace_test.csv").text.tolist()
    found["rates"] = rates(with_wordings("random", SEEDS[0]), texts)
    text = json.dumps(found, indent=1, ensure_ascii=False) + "\n"
    (HERE.parent / "classes.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    sys.path.insert(0, str(HERE.parent))
    main()
