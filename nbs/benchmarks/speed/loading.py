"""Load a model for prediction: python loading.py tutorial|ours FOLDER

Says on one line which of the libraries that only training or evaluation needs were imported."""
import sys

HEAVY = ("transformers.trainer", "datasets", "sklearn", "matplotlib.pyplot", "accelerate")

if __name__ == "__main__":
    way, folder = sys.argv[1:3]
    if way == "tutorial":
        from transformers import pipeline
        pipeline("text-classification", folder, device="cpu")
    else:
        from nace_clf.predict import Classifier
        Classifier(folder, device="cpu")
    print(*(name for name in HEAVY if name in sys.modules), sep=", ")
