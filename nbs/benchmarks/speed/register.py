"""Ten million rows of a million different texts, coded

python register.py MODEL TRAIN RESULT [ROWS] [TEXTS]"""
import json
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import psutil

from nace_clf.parts.tables import read_table

WAYS = {"in one process": [], "without the cascade": ["--no-cascade"]}


def write_register(path: Path, titles: list[str], rows: int, texts: int):
    "Write `rows` rows of `texts` different texts with frequencies as in a register"
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
        part.to_csv(path, sep=";", index=False, header=not start, mode="w" if not start else "a")


def coded(model: str, path: Path, output: Path, way: list[str]) -> dict:
    "Run the command, and watch its memory"
    start, peak = time.perf_counter(), [0]
    command = [sys.executable, "-m", "nace_clf.cli", "predict", model, "--input", str(path),
               "--output", str(output), "--top-k", "1", *way]
    process = psutil.Popen(command)

    def watch():
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            try: peak[0] = max(peak[0], process.memory_info().rss)
            except psutil.Error: pass
            time.sleep(0.5)
    threading.Thread(target=watch, daemon=True).start()
    if code := process.wait(): raise RuntimeError(f"exit code {code}")
    seconds = time.perf_counter() - start
    summary = json.loads(Path(f"{output}.summary.json").read_text(encoding="utf-8"))
    return {"rows": summary["rows"], "different texts": summary["distinct_texts"],
            "seconds": round(seconds), "rows/s": round(summary["rows"] / seconds),
            "different texts/s": round(summary["distinct_texts"] / seconds),
            "peak, MB": round(peak[0] / 1e6), "engine": summary["engine"],
            "cascade": summary["cascade"]}


if __name__ == "__main__":
    model, train, result = sys.argv[1:4]
    rows, texts = (int(o) for o in (sys.argv[4:6] + ["10000000", "1000000"][len(sys.argv) - 4:]))
    titles, found, outputs = read_table(train).text.tolist(), {}, []
    with tempfile.TemporaryDirectory() as tmp:
        path = Path(tmp) / "register.csv"
        write_register(path, titles, rows, texts)
        for name, way in WAYS.items():
            outputs.append(Path(tmp) / f"coded{len(outputs)}.csv")
            found[name] = coded(model, path, outputs[-1], way)
            print(name, found[name], flush=True)
            outputs[-1].unlink()
    Path(result).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
