"""Load a model for prediction: python loading.py tutorial|ours FOLDER

Says how many seconds that took, from the first import on, and on a second line which of the
libraries that only training or evaluation needs were imported."""
import sys
import time

HEAVY = ("transformers.trainer", "datasets", "sklearn", "matplotlib.pyplot", "accelerate")

if __name__ == "__main__":
    way, folder = sys.argv[1:3]
    start = time.perf_counter()
    if way == "tutorial":
        from transformers import pipeline
        pipeline("text-classification", folder, device="cpu")
    else:
        from nace_clf.parts.files import starting
        with starting():  # as the command `nace-clf predict` does
            from nace_clf.predict import Classifier
            Classifier(folder, device="cpu")
    print(time.perf_counter() - start)
    print(*(name for name in HEAVY if name in sys.modules), sep=", ")
