"What the two TF-IDF peers share: weighted words and character n-grams, and a linear classifier"
from __future__ import annotations

from pathlib import Path

import numpy as np
import skops.io
from sklearn.base import ClassifierMixin
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline, make_union

from protocol import TOP_K

# shortest and longest n-gram; rows that a feature must occur in
FEATURES = {"words": [1, 2], "characters": [2, 5], "min_df": 2}


def train(
    classifier: ClassifierMixin, # the classifier to fit
    texts: list[str], # descriptions
    labels: list[str], # their labels
    folder: Path, # where to save
    settings: dict, # those of FEATURES
):
    "Fit `classifier` on the TF-IDF features of `texts`"
    common = {"sublinear_tf": True, "strip_accents": "unicode", "min_df": settings["min_df"],
              "dtype": np.float32}
    words = TfidfVectorizer(ngram_range=tuple(settings["words"]), **common)
    letters = tuple(settings["characters"])
    characters = TfidfVectorizer(analyzer="char_wb", ngram_range=letters, **common)
    model = make_pipeline(make_union(words, characters), classifier).fit(texts, labels)
    folder.mkdir(parents=True, exist_ok=True)
    skops.io.dump(model, folder / "model.skops")


def load(
    folder: Path, # a saved model
): # a function from texts to their labels with scores
    "Load the pipeline in `folder`"
    model = skops.io.load(folder / "model.skops")

    def predict(texts: list[str]) -> list[list[tuple[str, float]]]:
        "Rank the labels of `texts` by probability, or by margin where there is none"
        ask = getattr(model, "predict_proba", None) or model.decision_function
        scores = ask(texts)
        best = np.argsort(-scores, axis=1, kind="stable")[:, :TOP_K]
        return [[(model.classes_[c], float(s[c])) for c in row] for row, s in zip(best, scores)]
    return predict
