"""A register that repeats itself, coded by `nace-clf predict`: seconds, rate, peak memory

python register.py RESULT MODEL TRAIN [--rows 1000000] [--texts 100000] [--cascade-only]"""
import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
from cascade import with_cascade

from nace_clf.parts.machine import processor
from nace_clf.parts.tables import read_table

WAYS = {"with the cascade": ["--cascade"], "without it": ["--no-cascade"]}
WAYS |= {f"with it, {n} of Ray": ["--cascade", "--engine", "ray", "--workers", str(n)]
         for n in (1, 2)}


def write_register(path: Path, titles: list[str], rows: int, texts: int):
    "Write `rows` rows of `texts` different texts, with frequencies as of a Zipf distribution"
    rng, weights = np.random.default_rng(42), 1 / np.arange(1, texts + 1) ** 1.1
    bounds = np.cumsum(weights / weights.sum())
    order = rng.permutation(texts)  # frequent texts are of any title
    for start in range(0, rows, 500_000):
        n = min(500_000, rows - start)
        drawn = np.searchsorted(bounds, rng.random(n)).clip(max=texts - 1)
        if start < texts: drawn[:min(n, texts - start)] = np.arange(start, min(start + n, texts))
        which = order[drawn]
        part = pd.DataFrame({"id": [f"{i:09d}" for i in range(start, start + n)],
                             "text": [f"{titles[i % len(titles)]} {i}" for i in which],
                             "turnover": [f"{i % 977},50" for i in which]})
        part.to_csv(path, sep=";", index=False, header=not start, mode="a" if start else "w")


def coded(model: Path, path: Path, output: Path, way: list[str]) -> dict:
    "Run the command, and watch its memory, and that of all that it starts"
    start, peak, whole = time.perf_counter(), [0], [0]
    command = [sys.executable, "-m", "nace_clf.cli", "predict", str(model), "--input", str(path),
               "--output", str(output), "--top-k", "1", *way]
    process = psutil.Popen(command, stdout=subprocess.DEVNULL)

    def watch():
        "Look at the memory twice a second"
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            try:
                sizes = [o.memory_info().rss for o in (process, *process.children(recursive=True))]
            except psutil.NoSuchProcess: continue
            peak[0], whole[0] = max(peak[0], sizes[0]), max(whole[0], sum(sizes))
            time.sleep(0.5)
    threading.Thread(target=watch, daemon=True).start()
    if code := process.wait(): raise RuntimeError(f"exit code {code}")
    seconds = time.perf_counter() - start
    summary = json.loads(Path(f"{output}.summary.json").read_text(encoding="utf-8"))
    return {"rows": summary["rows"], "different texts": summary["distinct_texts"],
            "seconds": round(seconds), "rows/s": round(summary["rows"] / seconds),
            "different texts/s": round(summary["distinct_texts"] / seconds),
            "peak, MB": round(peak[0] / 1e6),
            "peak of all processes, MB": round(whole[0] / 1e6), "engine": summary["engine"],
            "cascade": summary["cascade"], "processor": processor()}


def main(result: Path, model: str, train: str, rows: int, texts: int, ways: dict):
    "Write a register, and code it in each of the `ways`"
    found = {}
    with tempfile.TemporaryDirectory() as tmp:
        folder, path = with_cascade(model, train, Path(tmp) / "model"), Path(tmp) / "register.csv"
        write_register(path, read_table(train).text.tolist(), rows, texts)
        for name, way in ways.items():
            output = Path(tmp) / "coded.csv"
            found[name] = coded(folder, path, output, way)
            if "Ray" in name:  # it computes what the first way has computed
                same = subprocess.run(["cmp", "-s", Path(tmp) / "first.csv", output])
                found[name]["same bytes"] = same.returncode == 0
            print(name, found[name], flush=True)
            output.replace(Path(tmp) / "first.csv") if len(found) == 1 else output.unlink()
            result.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    asked = argparse.ArgumentParser(description=__doc__)
    for name in ("result", "model", "train"): asked.add_argument(name)
    asked.add_argument("--rows", type=int, default=1_000_000)
    asked.add_argument("--texts", type=int, default=100_000)
    asked.add_argument("--cascade-only", action="store_true")
    o = asked.parse_args()
    ways = {k: v for k, v in WAYS.items() if "--cascade" in v or not o.cascade_only}
    main(Path(o.result), o.model, o.train, o.rows, o.texts, ways)
