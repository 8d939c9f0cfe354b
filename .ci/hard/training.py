"Trainings that are cut off, doubled, given the wrong model, or have nowhere to save"
import json
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from hard import Attack, Outcome, in_process, one_line
from hard.folders import trained

LIMIT = 120  # seconds
ATTACKS: list[Attack] = []


def files_in(tmp: Path) -> dict[str, bytes]:
    "List what lies in the folder of models, hidden files too"
    return {str(p.relative_to(tmp)): b"" for p in sorted((tmp / "models").rglob("*"))}


def words(tmp: Path, *more: object) -> list[str]:
    "Write the command line of a small training"
    data = trained().parent
    line = ["train", data / "train.csv", "--out-dir", tmp / "models/new", "--model-id",
            data / "tiny", "--max-seq-len", 64, "--no-progress", "--epochs", 1, *more]
    return [str(word) for word in line]


def started(tmp: Path, *more: object, size: int = 0) -> subprocess.Popen:
    "Start a training as a program of its own, whose files may have at most `size` bytes"
    def limited():
        if size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    return subprocess.Popen([sys.executable, "-m", "nace_clf.cli", *words(tmp, *more)],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            preexec_fn=limited)


def ended(process: subprocess.Popen, tmp: Path) -> Outcome:
    "Wait for the end of `process`"
    out, err = process.communicate(timeout=LIMIT)
    return Outcome(process.returncode, out, err, files_in(tmp))


def in_the_middle(tmp: Path, *more: object) -> subprocess.Popen:
    "Start a training that takes long, and wait until it has begun"
    process = started(tmp, "--epochs", 5000, *more)
    end = time.monotonic() + LIMIT
    while time.monotonic() < end:
        line = process.stderr.readline()
        if "training rows" in line: return process
        if process.poll() is not None: break
    raise RuntimeError("the training did not begin")


def nothing_left(found: Outcome) -> str:
    "Say what is wrong unless one line was said and no model or scratch folder is left"
    left = [name for name in found.files if not name.endswith(".lock")]
    return one_line(found) or (f"left behind: {left}" if left else "")


def add(name: str, run: Callable[[Path], Outcome], expect=nothing_left, quick: bool = True):
    "List an attack"
    ATTACKS.append(Attack(name, "training", run, expect, quick))


def with_model(change: Callable[[Path], None]) -> Callable[[Path], Outcome]:
    "Train on a pretrained model that was changed"
    def run(tmp: Path) -> Outcome:
        base = Path(shutil.copytree(trained().parent / "tiny", tmp / "base"))
        change(base)
        done = in_process(*words(tmp, "--model-id", base))
        return Outcome(done.code, done.stdout, done.stderr, files_in(tmp))
    return run


def weights(change: Callable[[dict], dict]) -> Callable[[Path], None]:
    "Change the weights of a pretrained model"
    def apply(base: Path):
        found = {k: v.clone() for k, v in load_file(base / "model.safetensors").items()}
        save_file(change(found), base / "model.safetensors")
    return apply


def config(**values) -> Callable[[Path], None]:
    "Change what the configuration of a pretrained model says"
    def apply(base: Path):
        path = base / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | values))
    return apply


def cut(base: Path):
    "Keep half of the weights' file"
    path = base / "model.safetensors"
    path.write_bytes(path.read_bytes()[:5000])


def pickled(base: Path):
    "Offer the weights as a pickle"
    torch.save(load_file(base / "model.safetensors"), base / "pytorch_model.bin")
    (base / "model.safetensors").unlink()


for name, change in {
    "keys with another prefix": weights(lambda o: {f"encoder.{k}": v for k, v in o.items()}),
    "another width": config(hidden_size=64),
    "a layer too many": config(num_hidden_layers=3),
    "weights cut in half": cut,
    "weights as a pickle": pickled,
    "no weights": lambda base: (base / "model.safetensors").unlink(),
    "no configuration": lambda base: (base / "config.json").unlink(),
    "no tokenizer": lambda base: (base / "tokenizer.json").unlink(),
    "code to fetch": config(auto_map={"AutoModel": "evil.Model"}, model_type="evil"),
    "an unknown kind of model": config(model_type="fate"),
}.items(): add(f"a pretrained model with {name}", with_model(change))


def table(text: str) -> Callable[[Path], Outcome]:
    "Train on a table"
    def run(tmp: Path) -> Outcome:
        (tmp / "odd.csv").write_text(text, encoding="utf-8")
        done = in_process("train", tmp / "odd.csv", *words(tmp)[2:])
        return Outcome(done.code, done.stdout, done.stderr, files_in(tmp))
    return run


for name, text in {
    "no rows": "text;label\n", "one class": "text;label\nrice;A\nbread;A\n",
    "one row a class": "text;label\nrice;A\nbread;C\n", "no label column": "text;code\nrice;A\n",
    "blank labels": "text;label\nrice;A\nbread;\nroads;F\n",
    "blank texts": "text;label\nrice;A\n ;C\nroads;F\n",
}.items(): add(f"a table with {name}", table(text))


def small_files(tmp: Path) -> Outcome:
    "Train where no file may be large"
    return ended(started(tmp, size=20_000), tmp)


def terminated(tmp: Path) -> Outcome:
    "Stop a training as a scheduler does"
    process = in_the_middle(tmp)
    process.send_signal(signal.SIGTERM)
    return ended(process, tmp)


def gone_in_order(found: Outcome) -> str:
    "Say what is wrong unless SIGTERM ended a training in one line"
    return nothing_left(Outcome(2, found.stdout, found.stderr, found.files)) or (
        "" if found.code == 143 else f"exit code {found.code}")


def doubled(tmp: Path) -> Outcome:
    "Start a second training into the folder of one that runs"
    first = in_the_middle(tmp)
    try: second = in_process(*words(tmp))
    finally:
        first.kill()
        first.communicate()
    return second


def killed(tmp: Path) -> Outcome:
    "Kill a training, and train again"
    first = in_the_middle(tmp)
    first.kill()
    first.communicate()
    done = in_process(*words(tmp))
    return Outcome(done.code, done.stdout, done.stderr, files_in(tmp))


def only_the_model(found: Outcome) -> str:
    "Say what is wrong unless there is a model and nothing else"
    if found.code: return f"exit code {found.code}: {found.stderr[-300:]}"
    odd = [name for name in found.files if not name.startswith("models/new")
           and not name.endswith(".lock")]
    return f"left behind: {odd}" if odd else ""


def existing(tmp: Path) -> Outcome:
    "Train into a folder that holds a model already"
    folder = Path(shutil.copytree(trained(), tmp / "models/new"))
    before = (folder / "manifest.json").read_bytes()
    done = in_process(*words(tmp))
    same = (folder / "manifest.json").read_bytes() == before
    return done if same else Outcome(1, "", "the model that was there has changed")


def a_file(tmp: Path) -> Outcome:
    "Train into a path that is a file"
    (tmp / "models").mkdir()
    (tmp / "models/new").write_text("mine")
    done = in_process(*words(tmp))
    same = (tmp / "models/new").read_text() == "mine"
    return done if same else Outcome(1, "", "the file that was there has changed")


def below_a_file(tmp: Path) -> Outcome:
    "Train into a folder below a file"
    (tmp / "models").write_text("mine")
    return in_process(*words(tmp))


def no_room(tmp: Path) -> Outcome:
    "Train on a disk without room"
    usage = shutil.disk_usage
    shutil.disk_usage = lambda path: usage(path)._replace(free=1000)
    try: done = in_process(*words(tmp))
    finally: shutil.disk_usage = usage
    return Outcome(done.code, done.stdout, done.stderr, files_in(tmp))


def saying(words: str, expect: Callable[[Outcome], str]) -> Callable[[Outcome], str]:
    "Expect that `words` are said too"
    return lambda found: expect(found) or (
        "" if words in found.stderr else f"{words!r} is not in {found.stderr[-300:]}")


add("files may not be as large as the model", small_files, saying("ulimit -f", nothing_left))
add("SIGTERM in the middle", terminated, gone_in_order)
add("a second training into the same folder", doubled,
    saying("another training is running there; wait for it", one_line))
add("kill -9 in the middle, then again", killed, only_the_model)
add("a model is there already", existing, one_line)
add("the folder is a file", a_file, one_line)
add("the folder is below a file", below_a_file, one_line)
add("the disk is full", no_room)
