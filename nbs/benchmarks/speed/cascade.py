"""A cascade beside its blend and beside the tutorial's pipeline: texts a second, and labels

python cascade.py RESULT (NAME MODEL TRAIN TEST)..."""
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from nace_clf.parts.folder import drop_part
from nace_clf.parts.machine import processor
from nace_clf.parts.tables import read_table
from nace_clf.predict import Classifier
from nace_clf.tools.calibrate import calibrate

ROUNDS, PIPELINE = 5, 150  # rounds in turn; texts for the pipeline, which is slow


def with_cascade(model: str, train: str, folder: Path) -> Path:
    "Copy a model to `folder`, with what calibrating finds today; a certificate stays behind"
    shutil.copytree(model, folder)
    drop_part(folder, "certificate")
    calibrate(folder, train)
    return folder


def pipeline_rate(model: Path, test: str, folder: Path) -> float:
    "Let the tutorial's two `pipeline` calls code some texts, in a process of its own"
    script, out = Path(__file__).with_name("tutorial.py"), folder / "pipeline.json"
    subprocess.run([sys.executable, script, "predict", out, model, test, str(PIPELINE)],
                   check=True, capture_output=True)
    return json.loads(out.read_text(encoding="utf-8"))["texts_per_second"]


def measured(model: Path, test: str, folder: Path) -> dict:
    "Code all titles of `test` with and without the cascade, in turn"
    table, clf = read_table(test), Classifier(model)
    titles, times, found = table.text.tolist(), {True: [], False: []}, {}
    if not clf.has_cascade: return {"cascade": "none"}
    clf.predict(titles[:256], 1)
    for _ in range(ROUNDS):
        for on in times:
            clf.use_cascade(on)
            start = time.perf_counter()
            found[on] = clf.predict(titles, 1).label_1.astype(str).to_numpy()
            times[on].append(len(titles) / (time.perf_counter() - start))
    clf.use_cascade()
    sure, slow = clf.cascade.sure(clf.blend.baseline.logits(titles)), pipeline_rate(
        model, test, folder)
    fast, blend = (float(np.median(times[on])) for on in times)
    right = {on: float((found[on] == table.label.to_numpy()).mean()) for on in times}
    return {"cascade": str(clf.cascade), "titles": len(titles),
            "answered alone": float(sure.mean()),
            "labels equal to the blend's": float((found[True] == found[False]).mean()),
            "right, cascade": right[True], "right, blend": right[False],
            "texts/s, cascade": fast, "texts/s, blend": blend, "texts/s, pipeline": slow,
            "times the blend": fast / blend, "times the pipeline": fast / slow}


if __name__ == "__main__":
    result, *words = sys.argv[1:]
    found = {}
    for name, model, train, test in zip(*(words[i::4] for i in range(4))):
        with tempfile.TemporaryDirectory() as tmp:
            copied = with_cascade(model, train, Path(tmp) / "model")
            found[name] = {"processor": processor()} | measured(copied, test, Path(tmp))
        print(name, found[name], flush=True)
        Path(result).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
