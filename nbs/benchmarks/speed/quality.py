"""Same rows, same epochs, three seeds: the tutorial's settings and ours

python quality.py RESULT [FOLDER OF nace_train.csv]"""
import json
import sys
import tempfile
from pathlib import Path

from datasets import DatasetDict

from nace_clf.config import demo_config
from nace_clf.data import load_data
from nace_clf.tokenization import tokenize
from nace_clf.train import compute_scores, train

import measure  # noqa: F401  turns progress bars off

EPOCHS, SEEDS, ROWS, HELD_OUT = 4, (42, 43, 44), 600, 1500
TUTORIAL = dict(learn_rate=5e-5, train_bs=16, ga_steps=2, precision="fp32", group_by_length=False,
                dropout=0.1, label_smoothing=0.0, class_weights="none", freeze_embeddings=False,
                freeze_layers=0)
BARE = dict(eval_strategy="no", baseline=False, blend=False)  # the BERT alone, scored at the end
RECIPES = {"tutorial": TUTORIAL, "ours": {}}


def score(recipe: str, seed: int, table: Path) -> dict:
    "Train one recipe on the first rows of a shuffled table, and score it on the next"
    cfg = demo_config(seed=seed, epochs=EPOCHS, **BARE, **RECIPES[recipe])
    rows = load_data(table, demo_config())["train"].shuffle(seed=0)
    ds = DatasetDict(train=rows.select(range(ROWS)),
                     validation=rows.select(range(ROWS, ROWS + HELD_OUT)))
    with tempfile.TemporaryDirectory() as tmp: trainer = train(ds, cfg, tmp, progress=False)
    out = trainer.predict(tokenize(ds, trainer.processing_class)["validation"])
    found = compute_scores(out.predictions, out.label_ids)
    scores = {k: found[k] for k in ("accuracy", "f1_macro")}
    return {"recipe": recipe, "seed": seed, "epochs": EPOCHS, "rows": ROWS} | scores


if __name__ == "__main__":
    result, folder = Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "../../data/raw"
    table = Path(folder) / "nace_train.csv"
    found = []
    for seed in SEEDS:
        for recipe in RECIPES:
            found.append(score(recipe, seed, table))
            print(found[-1], flush=True)
    result.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
