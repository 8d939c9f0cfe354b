"nace_clf with the bundled model, through the same protocol"
import json
from pathlib import Path

import pandas as pd
import torch

from nace_clf.config import demo_config
from nace_clf.parts.ranking import rank
from nace_clf.parts.tables import write_table
from nace_clf.predict import Classifier
from nace_clf.save_load import fit

from protocol import TOP_K, main, threads

# every model is saved with its blend; without `blend` the BERT answers alone
SETTINGS = {"epochs": 4, "freeze_layers": 6, "seed": 42, "blend": True}


def train(texts: list[str], labels: list[str], folder: Path, settings: dict):
    "Fine-tune with the settings of `make demo`, those in `settings` excepted, and save"
    torch.set_num_threads(threads())
    rows = pd.DataFrame({"text": texts, "label": labels})
    table = write_table(rows, folder.with_name("train.csv"))
    cfg = demo_config(**settings | {"blend": True})
    fit(table, folder, cfg, overwrite=True, progress=False)


def load(folder: Path):
    "Load the model in `folder`, and use its blend as the settings of its training say"
    torch.set_num_threads(threads())
    measured = json.loads((folder.parent / "measured.json").read_text(encoding="utf-8"))
    blend = None if measured["settings"]["blend"] else False
    model = Classifier(folder, device="cpu", blend=blend)
    top_k = min(TOP_K, len(model.names))

    def predict(texts: list[str]) -> list[list[tuple[str, float]]]:
        "Rank the labels of `texts` by probability"
        table = rank(model.predict_proba(texts), model.names, top_k)
        return [list(zip(row[0::2], row[1::2])) for row in table.itertuples(index=False, name=None)]
    return predict


PACKAGES = ("nace_clf", "torch", "transformers", "tokenizers", "numpy")

if __name__ == "__main__": main(train, load, SETTINGS, PACKAGES)
