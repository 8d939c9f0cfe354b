"""Test a notebook in a process of its own that need not import the heavy libraries anew

Forked from a server (https://docs.python.org/3/library/multiprocessing.html) that has imported what
most pages import, and nothing of this package."""
import multiprocessing
import os
import subprocess
import tempfile
from pathlib import Path

HEAVY = ("torch", "torch._dynamo", "transformers.trainer", "transformers.pipelines",
         "transformers.models.auto", "transformers.models.bert.modeling_bert", "datasets", "pandas",
         "sklearn.linear_model", "sklearn.svm", "sklearn.feature_extraction.text", "scipy.stats",
         "matplotlib.pyplot", "IPython.core.interactiveshell", "execnb.shell", "pydantic", "typer",
         "hypothesis", "rich.table")
server = multiprocessing.get_context("forkserver")
server.set_forkserver_preload(list(HEAVY))


def run(page: str, tree: Path, log: Path):
    "Run the cells of `page` in `tree` as a test, and write what is printed to `log`"
    to = os.open(log, os.O_WRONLY | os.O_CREAT)
    for stream in (1, 2): os.dup2(to, stream)
    os.chdir(tree)
    from nbdev.test import nbdev_test  # reads the settings of where it is imported
    nbdev_test(path=str(Path("nbs") / page), n_workers=0, timing=True)


def test(page: str, tree: Path) -> subprocess.CompletedProcess:
    "Run the cells of `page` in `tree` as a test; exit code and all that was printed"
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        child = server.Process(target=run, args=(page, tree, log))
        child.start()
        child.join()
        said = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    return subprocess.CompletedProcess(page, child.exitcode, said)
