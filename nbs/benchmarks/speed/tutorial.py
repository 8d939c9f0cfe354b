"""The tutorial's recipe, cell by cell as published, with what today's libraries ask for

python tutorial.py train|predict RESULT FOLDER TABLE NUMBER [SEED]"""
import sys

import pandas as pd
import torch
from datasets import Dataset
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    Trainer,
    TrainingArguments,
    pipeline,
    set_seed,
)

from measure import Stopwatch, peak_mib, report, texts_per_second

MAX_SEQ_LEN, EPOCHS, LEARN_RATE, TRAIN_BS, EVAL_BS = 256, 4, 5e-5, 16, 32
GA_STEPS, DECAY, WARMUP = 2, 0.01, 0.1


# %% 1. The data: a table, labels as numbers
# Published: `df.label = df.label.map(label2id)`, which in pandas 3 leaves the column a text
def read(table: str) -> tuple[Dataset, dict]:
    "Read the training table"
    df = pd.read_csv(table)
    label2id = {name: i for i, name in enumerate(sorted(df["label"].unique()))}
    rows = pd.DataFrame({"text": df["text"], "label": df["label"].map(label2id).astype(int)})
    return Dataset.from_pandas(rows, preserve_index=False), label2id


# %% 2. Tokens: `map` hands over a thousand rows, `padding=True` makes all as long as the longest
def tokenized(ds: Dataset, tokenizer) -> Dataset:
    "Turn texts into token ids, padded"
    options = {"truncation": True, "padding": True, "max_length": MAX_SEQ_LEN}
    return ds.map(lambda rows: tokenizer(rows["text"], **options), batched=True)


# %% 3. The run
# Published: `warmup_ratio=0.1` and `logging_dir`, which are gone; `warmup_steps` is a fraction now
def trainer(folder: str, table: str, seed: int, steps: int, callbacks: list) -> Trainer:
    "Put model, data and settings together"
    set_seed(seed)
    ds, label2id = read(table)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(
        folder, num_labels=len(label2id), label2id=label2id,
        id2label={i: name for name, i in label2id.items()})
    args = TrainingArguments(
        "unused", num_train_epochs=EPOCHS, max_steps=steps, learning_rate=LEARN_RATE,
        lr_scheduler_type="linear", per_device_train_batch_size=TRAIN_BS,
        per_device_eval_batch_size=EVAL_BS, gradient_accumulation_steps=GA_STEPS,
        weight_decay=DECAY, warmup_steps=WARMUP, seed=seed, save_strategy="no",
        logging_strategy="no", report_to=[], disable_tqdm=True,
        use_cpu=not torch.cuda.is_available())
    return Trainer(model, args, train_dataset=tokenized(ds, tokenizer),
                   processing_class=tokenizer, callbacks=callbacks)


# %% 4. Prediction: one `pipeline` call for the label, one for the scores, a text at a time
def predict(texts: list[str], pipe) -> list[tuple]:
    "Ask for the label and for the two best scores of each text"
    return [(pipe(text, truncation=True)[0]["label"], pipe(text, top_k=2, truncation=True))
            for text in texts]


if __name__ == "__main__":
    what, result, folder, table, n = sys.argv[1:6]
    if what == "train":
        watch = Stopwatch(int(n))
        trainer(folder, table, int(sys.argv[6]), int(n), [watch]).train()
        report(result, rows_per_second=watch.rows_per_second(TRAIN_BS * GA_STEPS),
               peak_mib=peak_mib(), precision="fp32")
    else:
        texts = pd.read_csv(table)["text"].tolist()[:int(n)]
        pipe = pipeline("text-classification", folder, device="cpu")
        speed = texts_per_second(lambda some: predict(some, pipe), texts)
        report(result, texts_per_second=speed, peak_mib=peak_mib(),
               labels=[pipe(t, truncation=True)[0]["label"] for t in texts], precision="fp32")
