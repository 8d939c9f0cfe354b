"The published tutorial's recipe on the bundled model, in as much time as it is given"
import os
import sys
import time
from pathlib import Path

import pandas as pd
import torch
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    TrainerCallback,
    pipeline,
)

from protocol import TOP_K, main, threads

sys.path.append(str(Path(__file__).resolve().parent.parent / "speed"))
from tutorial import trainer  # noqa: E402

# of the published recipe; its four epochs take hours on one core, so the pace is measured
# first, and the schedule of the learning rate is laid out for the moves that fit
SETTINGS = {"seconds": 300, "seed": 42}
PACE = 3  # moves of the weights that are timed


class Pace(TrainerCallback):
    "Note when each move of the weights ends"
    def __init__(self): self.ends = [time.perf_counter()]

    def on_step_end(self, args, state, control, **kwargs):
        "Note the time"
        self.ends.append(time.perf_counter())


def train(texts: list[str], labels: list[str], folder: Path, settings: dict):
    "Train for as many moves of the weights as fit into `seconds`, and save"
    torch.set_num_threads(threads())
    table, base = folder.with_name("train.csv"), os.environ["BUNDLED_MODEL"]
    pd.DataFrame({"text": texts, "label": labels}).to_csv(table, index=False)
    pace = Pace()
    trainer(base, str(table), settings["seed"], PACE, [pace]).train()
    each = (pace.ends[-1] - pace.ends[1]) / (PACE - 1)
    run = trainer(base, str(table), settings["seed"], max(1, int(settings["seconds"] / each)), [])
    run.train()
    run.save_model(str(folder))
    run.processing_class.save_pretrained(folder)


def load(folder: Path):
    "Load the model in `folder`, and ask it as the tutorial does"
    torch.set_num_threads(threads())
    model = AutoModelForSequenceClassification.from_pretrained(folder)
    pipe = pipeline("text-classification", model=model, device="cpu",
                    tokenizer=AutoTokenizer.from_pretrained(folder))
    # its reader guesses, and makes the number 13.1 of the class 13.10
    read = [pd.read_csv(folder.with_name("train.csv"), dtype=kind).label for kind in (None, str)]
    label_of = dict(zip(read[0].astype(str), read[1]))

    def predict(texts: list[str]) -> list[list[tuple[str, float]]]:
        "Rank the labels of `texts`, one text at a time"
        found = (pipe(text, top_k=TOP_K, truncation=True) for text in texts)
        return [[(label_of[o["label"]], o["score"]) for o in each] for each in found]
    return predict


PACKAGES = ("transformers", "torch", "tokenizers", "numpy")

if __name__ == "__main__": main(train, load, SETTINGS, PACKAGES)
