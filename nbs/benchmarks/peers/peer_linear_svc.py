"TF-IDF and a linear support vector machine"
from pathlib import Path

from sklearn.svm import LinearSVC

import tfidf
from protocol import main

SETTINGS = tfidf.FEATURES | {"C": 1.0, "class_weight": None, "seed": 42}


def train(texts: list[str], labels: list[str], folder: Path, settings: dict):
    "Fit and save"
    classifier = LinearSVC(C=settings["C"], class_weight=settings["class_weight"],
                           random_state=settings["seed"])
    tfidf.train(classifier, texts, labels, folder, settings)


PACKAGES = ("scikit-learn", "numpy", "scipy", "skops")

if __name__ == "__main__": main(train, tfidf.load, SETTINGS, PACKAGES)
