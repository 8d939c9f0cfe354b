"torchTextClassifiers: INSEE's successor to fastText, on PyTorch Lightning"
import logging
from pathlib import Path

import numpy as np
import torch
from pytorch_lightning import seed_everything
from torchTextClassifiers import ModelConfig, TrainingConfig, torchTextClassifiers
from torchTextClassifiers.model.components import AttentionConfig
from torchTextClassifiers.tokenizers import NGramTokenizer, WordPieceTokenizer
from torchTextClassifiers.value_encoder import DictEncoder, ValueEncoder

from protocol import TOP_K, main, threads

SETTINGS = {"tokenizer": "NGram", "vocabulary": 50_000, "embedding_dim": 100, "layers": 0,
            "heads": 4, "label_heads": None, "sequence_len": 100, "epochs": 1000, "batch_size": 256,
            "lr": 5e-3, "patience": 1000, "seconds": 300, "valid_size": 0.1, "seed": 42}
logging.disable(logging.INFO)


def tokenizer_for(texts: list[str], settings: dict) -> WordPieceTokenizer | NGramTokenizer:
    "Train the tokenizer on `texts`"
    if settings["tokenizer"] == "NGram":
        return NGramTokenizer(min_count=1, min_n=3, max_n=6, num_tokens=settings["vocabulary"],
                              len_word_ngrams=3, training_text=texts)
    tokenizer = WordPieceTokenizer(vocab_size=settings["vocabulary"])
    tokenizer.train(texts)
    return tokenizer


def classifier_for(texts: list[str], labels: list[str], settings: dict) -> torchTextClassifiers:
    "Build the classifier with its tokenizer and label encoder"
    names = sorted(set(labels))
    attention = None
    if settings["layers"]:
        attention = AttentionConfig(
            n_layers=settings["layers"], n_head=settings["heads"], n_kv_head=settings["heads"],
            positional_encoding=True, sequence_len=settings["sequence_len"])
    config = ModelConfig(
        embedding_dim=settings["embedding_dim"], num_classes=len(names),
        attention_config=attention,
        n_heads_label_attention=settings["label_heads"])
    numbers = ValueEncoder(DictEncoder({name: i for i, name in enumerate(names)}))
    return torchTextClassifiers(tokenizer_for(texts, settings), config, value_encoder=numbers)


def train(texts: list[str], labels: list[str], folder: Path, settings: dict):
    "Hold out validation rows, train for `seconds`, and save the state of their lowest loss"
    torch.set_num_threads(threads())
    seed_everything(settings["seed"], verbose=False)
    model = classifier_for(texts, labels, settings)
    order = np.random.default_rng(settings["seed"]).permutation(len(texts))
    held, kept = np.split(order, [int(len(texts) * settings["valid_size"])])
    x, y = np.array(texts), np.array(labels)
    quiet = {"enable_progress_bar": False, "enable_model_summary": False}
    config = TrainingConfig(
        num_epochs=settings["epochs"], batch_size=settings["batch_size"], lr=settings["lr"],
        patience_early_stopping=settings["patience"], num_workers=0, accelerator="cpu",
        save_path=str(folder),
        trainer_params={"default_root_dir": str(folder.with_name("logs")),
                        "max_time": {"seconds": settings["seconds"]}} | quiet)
    model.train(x[kept], y[kept], config, x[held], y[held])


def load(folder: Path):
    "Load the model in `folder`"
    torch.set_num_threads(threads())
    model = torchTextClassifiers.load(folder, device="cpu")
    top_k = min(TOP_K, model.num_classes)

    @torch.no_grad()
    def predict(texts: list[str]) -> list[list[tuple[str, float]]]:
        "Rank the labels of `texts` by probability, 256 texts at a time"
        ranked = []
        for at in range(0, len(texts), 256):
            found = model.predict(np.array(texts[at:at + 256]), top_k=top_k)
            both = zip(found["prediction"].tolist(), found["confidence"].tolist())
            ranked += [list(zip(row, p)) for row, p in both]
        return ranked
    return predict


PACKAGES = ("torchtextclassifiers", "pytorch-lightning", "torch", "tokenizers", "numpy")

if __name__ == "__main__": main(train, load, SETTINGS, PACKAGES)
