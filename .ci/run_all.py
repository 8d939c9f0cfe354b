"""Run notebooks as "Run All" of JupyterLab does: python .ci/run_all.py CACHE NOTEBOOK ...

Each has a kernel of its own and its own folder as working folder; slow cells are run too. So
that this takes minutes, a tiny model with random weights, kept in the folder CACHE, stands where
the bundled one would be; there is no Hub. Prints a line a notebook, and what went wrong; the exit
code is 1 if anything did."""
import json
import os
import re
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

MOST = 600  # seconds that a cell may take


def tiny_cache(cache: Path):
    "Put a tiny model into `cache`, under the name of the bundled one, with 8 layers for its 12"
    from transformers import AutoTokenizer, BertConfig, BertModel

    from nace_clf.parts import bundled
    from nace_clf.parts.files import sha256
    from nace_clf.parts.sample import sample_rows
    folder = cache / f"multilingual-e5-small-{bundled._BUNDLED_SHA256[:12]}"
    bundled.tiny_model(folder, sample_rows().text, vocab_size=4000)
    cfg = BertConfig.from_pretrained(folder, num_hidden_layers=8, max_position_embeddings=512)
    BertModel(cfg, add_pooling_layer=False).save_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.model_max_length = 512
    tokenizer.save_pretrained(folder)
    sums = {name: sha256(folder / name) for name in bundled._UNPACKED}
    (folder / bundled._SUMS).write_text(json.dumps(sums), encoding="utf-8")


def run(path: Path) -> str: # what went wrong, if anything
    "Run all cells of the notebook `path`, and forget the outputs"
    nb = nbformat.read(path, as_version=4)
    place = {"metadata": {"path": str(path.parent)}}
    try: NotebookClient(nb, timeout=MOST, kernel_name="python3", resources=place).execute()
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as e:
        return re.sub(r"\x1b\[[0-9;]*m", "", str(e))
    return ""



if __name__ == "__main__":
    cache, *notebooks = map(Path, sys.argv[1:])
    if not cache.is_dir(): tiny_cache(cache)
    os.environ |= {"NACE_CLF_CACHE": str(cache), "HF_HUB_OFFLINE": "1"}
    failed = False
    for notebook in notebooks:
        start = time.perf_counter()
        wrong = run(notebook.resolve())
        took = f"{notebook.name}, {time.perf_counter() - start:.0f} s"
        print(f"{took}: {wrong[-2500:]}" if wrong else took, flush=True)
        failed |= bool(wrong)
    sys.exit(failed)
