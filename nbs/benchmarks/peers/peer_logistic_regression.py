"TF-IDF and logistic regression"
from pathlib import Path

from sklearn.linear_model import LogisticRegression

import tfidf
from protocol import main

SETTINGS = tfidf.FEATURES | {"C": 30.0, "class_weight": None, "max_iter": 1000, "seed": 42}


def train(texts: list[str], labels: list[str], folder: Path, settings: dict):
    "Fit and save"
    classifier = LogisticRegression(C=settings["C"], class_weight=settings["class_weight"],
                                    max_iter=settings["max_iter"], random_state=settings["seed"])
    tfidf.train(classifier, texts, labels, folder, settings)


PACKAGES = ("scikit-learn", "numpy", "scipy", "skops")

if __name__ == "__main__": main(train, tfidf.load, SETTINGS, PACKAGES)
