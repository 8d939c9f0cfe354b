"""The same with nace_clf

python ours.py train|predict|memory RESULT FOLDER TABLE NUMBER [SEED | PRECISION BLEND]"""
import sys
import time

import pandas as pd

from nace_clf.config import demo_config
from nace_clf.data import load_data
from nace_clf.parts.tables import read_table
from nace_clf.predict import Classifier
from nace_clf.train import build_trainer

from measure import Stopwatch, peak_mib, report, texts_per_second


def texts_of(table: str, n: int) -> list[str]:
    "Read the first `n` texts"
    return read_table(table, ["text"])["text"].tolist()[:n]


if __name__ == "__main__":
    what, result, folder, table, n = sys.argv[1:6]
    if what == "train":
        seed, watch = int(sys.argv[6]), Stopwatch(int(n))
        cfg = demo_config(model_id=folder, trim_vocab=False, seed=seed, eval_strategy="no")
        trainer = build_trainer(load_data(table, cfg), cfg, "unused", progress=False)
        trainer.add_callback(watch)
        trainer.train()
        report(result, rows_per_second=watch.rows_per_second(cfg.train_bs * cfg.ga_steps),
               peak_mib=peak_mib(), precision="bf16" if trainer.args.bf16 else "fp32")
    elif what == "memory":
        clf = Classifier(folder)
        before = peak_mib()
        open("/proc/self/clear_refs", "w").write("5")  # from here on, Linux counts the peak anew
        start = time.perf_counter()
        clf.predict(texts_of(table, int(n)))
        report(result, texts=int(n), seconds=time.perf_counter() - start, before_mib=before,
               peak_mib=peak_mib(), precision=clf.computed.numbers, blend=str(clf.blend))
    else:
        precision, blend = sys.argv[6:8]
        texts = texts_of(table, int(n))
        clf = Classifier(folder, precision=precision, blend=blend == "blend")
        alone = [1 / texts_per_second(clf.predict, [t]) for t in texts[:100]]
        report(result, texts_per_second=texts_per_second(clf.predict, texts), peak_mib=peak_mib(),
               labels=clf.predict(texts).label_1.tolist(),
               single_text_ms=1000 * pd.Series(alone).median(),
               precision=clf.computed.numbers, engine=clf.engine, computed=str(clf.computed))
