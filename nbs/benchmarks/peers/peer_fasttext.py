"fastText: the mean of word, word-pair and character n-gram vectors, and a linear classifier"
import re
from pathlib import Path

import fasttext

from protocol import TOP_K, main, threads

SETTINGS = {"dim": 100, "lr": 0.5, "epoch": 25, "wordNgrams": 2, "minn": 3, "maxn": 5,
            "minCount": 1, "bucket": 200_000, "loss": "softmax", "seed": 42}


def clean(text: str) -> str:
    "Lower the case and set punctuation apart, as fastText's tutorial does"
    return " ".join(re.sub(r"([^\w\s])", r" \1 ", text.lower()).split())


def train(texts: list[str], labels: list[str], folder: Path, settings: dict):
    "Write fastText's input file, train and save"
    folder.mkdir(parents=True, exist_ok=True)
    table = folder.with_name("train.txt")
    lines = [f"__label__{label} {clean(text)}\n" for text, label in zip(texts, labels)]
    table.write_text("".join(lines), encoding="utf-8")
    model = fasttext.train_supervised(str(table), thread=threads(), verbose=0, **settings)
    model.save_model(str(folder / "model.bin"))


def load(folder: Path):
    "Load the model in `folder`"
    model = fasttext.load_model(str(folder / "model.bin"))

    def predict(texts: list[str]) -> list[list[tuple[str, float]]]:
        "Rank the labels of `texts` by probability"
        found, probs = model.predict([clean(text) for text in texts], k=TOP_K)
        names = [[label.removeprefix("__label__") for label in row] for row in found]
        return [list(zip(row, p.tolist())) for row, p in zip(names, probs)]
    return predict


if __name__ == "__main__": main(train, load, SETTINGS, ("fasttext-community", "numpy"))
