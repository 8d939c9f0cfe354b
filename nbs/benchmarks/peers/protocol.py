"""Train, save, load and time one peer in a process of its own

Every script beside this one hands `main` its functions."""
from __future__ import annotations

import argparse
import csv
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

TOP_K, REPEATS = 5, 3
Ranked = list[tuple[str, float]]  # labels with their scores, the best first
# texts, labels, folder to save to, settings
Train = Callable[[list[str], list[str], Path, dict], None]
# folder -> a function from texts to their labels
Load = Callable[[Path], Callable[[list[str]], list[Ranked]]]


def threads() -> int: # threads that a peer may use
    "Return OMP_NUM_THREADS, which the notebook sets alike for every peer"
    return int(os.environ.get("OMP_NUM_THREADS") or len(os.sched_getaffinity(0)))


def column(
    path: str | Path, # a CSV in UTF-8 with a header
    name: str, # column to read
) -> list[str]: # its values
    "Read the column `name` of the CSV `path`"
    with open(path, newline="", encoding="utf-8") as f:
        return [row[name] for row in csv.DictReader(f)]


def peak_mib() -> float: # mebibytes
    "Return the most memory that this process has held so far (VmHWM, Linux)"
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def size_mib(
    folder: Path, # a saved model
) -> float: # mebibytes
    "Add up the sizes of all files in `folder`"
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file()) / 2**20


def write_ranked(
    path: Path, # the CSV to write
    ranked: list[Ranked], # one list a row
):
    "Write `ranked` with the columns label_1, score_1, label_2, ..."
    with open(path, "w", newline="", encoding="utf-8") as f:
        out = csv.writer(f, lineterminator="\n")
        out.writerow([f"{what}_{k + 1}" for k in range(TOP_K) for what in ("label", "score")])
        for row in ranked:
            cells = [v for label, score in row[:TOP_K] for v in (label, f"{score:.6g}")]
            out.writerow(cells + [""] * 2 * (TOP_K - len(row)))


def measure_training(train: Train, args: argparse.Namespace, settings: dict):
    "Call `train`, and note how long it took and the memory it needed"
    texts, labels = column(args.train, args.text_col), column(args.train, args.label_col)
    start = time.perf_counter()
    train(texts, labels, args.out / "model", settings)
    note(args.out, train_seconds=time.perf_counter() - start, train_peak_mib=peak_mib(),
         train_rows=len(texts))


def measure_prediction(load: Load, args: argparse.Namespace):
    "Load the model that was saved, and time the prediction of all test texts `REPEATS` times"
    start = time.perf_counter()
    predict = load(args.out / "model")
    loaded = time.perf_counter() - start
    texts = column(args.test, args.text_col)
    distinct, seconds = list(dict.fromkeys(texts)), []
    for _ in range(REPEATS):
        start = time.perf_counter()
        ranked = predict(distinct)
        seconds.append(time.perf_counter() - start)
    found = dict(zip(distinct, ranked, strict=True))
    write_ranked(args.out / "predictions.csv", [found[text] for text in texts])
    note(args.out, load_seconds=loaded, predict_seconds=seconds, predict_texts=len(distinct),
         predict_peak_mib=peak_mib(), size_mib=size_mib(args.out / "model"))


def note(
    folder: Path, # the output folder of the peer
    **values, # what to add
):
    "Add `values` to measured.json in `folder`"
    path = folder / "measured.json"
    before = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    path.write_text(json.dumps(before | values, indent=2) + "\n", encoding="utf-8")


def arguments() -> argparse.Namespace: # train, test, out, text_col, label_col, set, step
    "Read the command line"
    parser = argparse.ArgumentParser()
    for name in ("--train", "--test", "--out"):
        parser.add_argument(name, type=Path, required=True)
    parser.add_argument("--text-col", default="text")
    parser.add_argument("--label-col", default="label")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE",
                        help="change one setting of the peer; VALUE is JSON")
    parser.add_argument("--step", choices=("both", "predict"), default="both",
                        help="'predict' is how the script calls itself after training")
    return parser.parse_args()


def changed(
    settings: dict, # the peer's settings
    changes: list[str], # NAME=VALUE
) -> dict: # the settings with `changes`
    "Apply `changes` to `settings`"
    pairs = [change.split("=", 1) for change in changes]
    found = {name: json.loads(value) for name, value in pairs}
    unknown = found.keys() - settings.keys()
    if unknown:
        known = ", ".join(settings)
        sys.exit(f"there is no setting {', '.join(unknown)}; the settings are: {known}")
    return settings | found


def main(
    train: Train, # trains and saves
    load: Load, # loads what `train` saved
    settings: dict, # the peer's settings, passed to `train`
    packages: tuple[str, ...], # packages whose versions to note
):
    "Measure training, then prediction in a fresh process that has only the saved folder"
    args = arguments()
    if args.step == "predict": return measure_prediction(load, args)
    settings = changed(settings, args.set)
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "measured.json").unlink(missing_ok=True)
    versions = {"python": platform.python_version()} | {p: version(p) for p in packages}
    note(args.out, settings=settings, threads=threads(), versions=versions)
    measure_training(train, args, settings)
    subprocess.run([sys.executable, *sys.argv, "--step", "predict"], check=True)
