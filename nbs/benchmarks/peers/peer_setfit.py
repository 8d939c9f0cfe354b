"SetFit: contrastive fine-tuning of the bundled model, then logistic regression on its vectors"
import os
import time
from pathlib import Path

import numpy as np
import torch
from datasets import Dataset
from setfit import SetFitModel, Trainer, TrainingArguments
from transformers import TrainerCallback
from transformers.utils import logging as transformers_logging

from protocol import TOP_K, main, threads

# the body is trained for `seconds`; `max_steps` is only how many pairs are drawn beforehand
SETTINGS = {"seconds": 300, "max_steps": 20_000, "batch_size": 16, "body_learning_rate": 2e-5,
            "head_max_iter": 1000, "seed": 42}
transformers_logging.disable_progress_bar()


class StopAfter(TrainerCallback):
    "Stop after a number of seconds"
    def __init__(self, seconds: float): self.end = time.perf_counter() + seconds

    def on_step_end(self, args, state, control, **kwargs):
        "Stop if the time is over"
        control.should_training_stop = time.perf_counter() > self.end


def train(texts: list[str], labels: list[str], folder: Path, settings: dict):
    "Train the body on pairs for `seconds`, the head on all rows, and save"
    torch.set_num_threads(threads())
    names = sorted(set(labels))
    model = SetFitModel.from_pretrained(
        os.environ["BUNDLED_MODEL"], labels=names, device="cpu",
        head_params={"max_iter": settings["head_max_iter"]})
    args = TrainingArguments(
        output_dir=str(folder.with_name("checkpoints")), max_steps=settings["max_steps"],
        batch_size=settings["batch_size"], body_learning_rate=settings["body_learning_rate"],
        seed=settings["seed"], save_strategy="no", report_to="none", show_progress_bar=False)
    rows = Dataset.from_dict({"text": texts, "label": [names.index(label) for label in labels]})
    Trainer(model, args, train_dataset=rows, callbacks=[StopAfter(settings["seconds"])]).train()
    model.save_pretrained(folder)


def load(folder: Path):
    "Load the model in `folder`"
    torch.set_num_threads(threads())
    model = SetFitModel.from_pretrained(str(folder), device="cpu")

    def predict(texts: list[str]) -> list[list[tuple[str, float]]]:
        "Rank the labels of `texts` by probability"
        probs = model.predict_proba(texts, as_numpy=True)
        best = np.argsort(-probs, axis=1, kind="stable")[:, :TOP_K]
        return [[(model.labels[c], float(p[c])) for c in row] for row, p in zip(best, probs)]
    return predict


PACKAGES = ("setfit", "sentence-transformers", "transformers", "torch", "scikit-learn", "numpy")

if __name__ == "__main__": main(train, load, SETTINGS, PACKAGES)
