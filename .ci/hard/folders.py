"Model folders that somebody else has written: damaged, mixed up, or meant to harm"
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from hard import Attack, Outcome, in_process, scratch

ROWS = [("growing of rice", "A"), ("growing of wheat", "A"), ("raising of cattle", "A"),
        ("fishing at sea", "A"), ("road works", "F"), ("building of houses", "F"),
        ("roofing", "F"), ("painting of rooms", "F"), ("driving school", "P"),
        ("primary school", "P"), ("teaching of music", "P"), ("university", "P")]
CODE = ["road works", "growing of rice and other things"]
JSON = ("manifest.json", "config.json", "tokenizer.json", "tokenizer_config.json",
        "baseline.json", "blend.json")


@cache
def trained() -> Path:
    "Train a tiny model, with a blend, on a few rows"
    from nace_clf.parts.bundled import tiny_model
    at = scratch() / "trained"
    texts = [f"{text} no {i}" for i in range(6) for text, _ in ROWS]
    codes = [code for _ in range(6) for _, code in ROWS]
    at.mkdir(parents=True)
    rows = "\n".join(f"{text};{code}" for text, code in zip(texts, codes))
    (at / "train.csv").write_text("text;label\n" + rows + "\n", encoding="utf-8")
    tiny_model(at / "tiny", texts)
    done = in_process("train", at / "train.csv", "--out-dir", at / "model",
                      "--model-id", at / "tiny", "--preset", "small", "--epochs", 1,
                      "--max-seq-len", 64, "--blend",
                      "--freeze-layers", 0, "--no-progress")
    if done.code: raise RuntimeError(f"the model to attack cannot be trained: {done.stderr}")
    return at / "model"


def signed(folder: Path):
    "Write the sums of the files as they are now, as who means harm would"
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    for name in manifest["files"]:
        if (folder / name).is_file():
            manifest["files"][name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    path.write_text(json.dumps(manifest), encoding="utf-8")


def edited(name: str, change: Callable[[dict], None]) -> Callable[[Path], None]:
    "Change what the JSON file `name` says"
    def apply(folder: Path):
        values = json.loads((folder / name).read_text(encoding="utf-8"))
        change(values)
        (folder / name).write_text(json.dumps(values), encoding="utf-8")
    return apply


def put(name: str, **values) -> Callable[[Path], None]:
    "Set `values` in the JSON file `name`"
    return edited(name, lambda found: found.update(values))


def without(name: str, key: str) -> Callable[[Path], None]:
    "Leave `key` out of the JSON file `name`"
    return edited(name, lambda found: found.pop(key))


def weights(change: Callable[[dict[str, torch.Tensor]], dict], name="model.safetensors"):
    "Change the tensors of the file `name`"
    def apply(folder: Path):
        found = {key: value.clone() for key, value in load_file(folder / name).items()}
        save_file({key: value.contiguous() for key, value in change(found).items()}, folder / name)
    return apply


def filled(key: str, value: float) -> Callable[[Path], None]:
    "Put `value` into the tensor `key`"
    return weights(lambda found: found | {key: torch.full_like(found[key], value)})


def text(name: str, said: str | bytes) -> Callable[[Path], None]:
    "Write `said` into the file `name`"
    raw = said if isinstance(said, bytes) else said.encode()
    return lambda folder: (folder / name).write_bytes(raw)


def gone(name: str) -> Callable[[Path], None]:
    "Take the file `name` away"
    return lambda folder: (folder / name).unlink()


def cut(name: str) -> Callable[[Path], None]:
    "Keep half of the file `name`"
    def apply(folder: Path):
        raw = (folder / name).read_bytes()
        (folder / name).write_bytes(raw[:len(raw) // 2])
    return apply


def link(name: str) -> Callable[[Path], None]:
    "Move the file `name` out of the folder, and leave a link"
    def apply(folder: Path):
        away = folder.parent / f"away-{name}"
        shutil.move(folder / name, away)
        (folder / name).symlink_to(away)
    return apply


def special(name: str, make: Callable[[Path], None]) -> Callable[[Path], None]:
    "Put something that is no file in the place of `name`"
    def apply(folder: Path):
        (folder / name).unlink()
        make(folder / name)
    return apply


def both(*changes: Callable[[Path], None]) -> Callable[[Path], None]:
    "Make several changes"
    def apply(folder: Path):
        for change in changes: change(folder)
    return apply


def add_file(name: str, said: str = "{}") -> Callable[[Path], None]:
    "Add a file, and list it in the manifest"
    def apply(folder: Path):
        (folder / name).write_text(said)
        edited("manifest.json", lambda o: o["files"].update({name: "0"}))(folder)
    return apply


def calibration(temperature=1.5, **values) -> Callable[[Path], None]:
    "Add a calibration that says so"
    said = {"rows": 719, "models": {model: {"temperature": temperature, "scores": {}}
                                    for model in ("bert", "blend")}} | values
    part = {"format": 1, "files": ["calibration.json"], "about": {}}
    return both(add_file("calibration.json", json.dumps(said)), edited(
        "manifest.json", lambda o: o["parts"].update(calibration=part)))


def other_kind(folder: Path):
    "Make a DistilBERT of the folder, which Transformers loads"
    from transformers import DistilBertConfig, DistilBertForSequenceClassification
    old = json.loads((folder / "config.json").read_text())
    cfg = DistilBertConfig(vocab_size=old["vocab_size"], dim=32, n_layers=1, n_heads=2,
                           hidden_dim=64,
                           max_position_embeddings=64, id2label=old["id2label"],
                           label2id=old["label2id"])
    DistilBertForSequenceClassification(cfg).save_pretrained(folder)


def kind(model_type: str) -> Callable[[Path], None]:
    "Say that the model is of another kind"
    return put("config.json", model_type=model_type)


LABELS = {"0": "A", "1": "F", "2": "P"}
DEEP = "[" * 100_000
NEGATIVE = {"post_processor": {"type": "TemplateProcessing", "single": [
    {"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
    "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
    "special_tokens": {"[CLS]": {"id": "[CLS]", "ids": [99_999], "tokens": ["[CLS]"]}}}}

UNSIGNED: dict[str, Callable[[Path], None]] = {  # as after a bad copy: the sums do not hold
    **{f"{name} is gone": gone(name) for name in (*JSON, "model.safetensors",
                                                  "baseline.safetensors")},
    **{f"{name} is cut in half": cut(name) for name in (*JSON, "model.safetensors",
                                                        "baseline.safetensors")},
    **{f"{name} is empty": text(name, "") for name in JSON},
    "manifest.json is no UTF-8": text("manifest.json", b"\xff\xfe\x00"),
    "manifest.json is a list": text("manifest.json", "[]"),
    "manifest.json nests without end": text("manifest.json", DEEP),
    "manifest.json is a folder": special("manifest.json", Path.mkdir),
    "manifest.json of format 1": put("manifest.json", format=1),
    "manifest.json of format 99": put("manifest.json", format=99),
    "a format that is no number": put("manifest.json", format={"a": 1}),
    "weights are a folder": special("model.safetensors", Path.mkdir),
    "weights are a link out": link("model.safetensors"),
    "configuration is a link out": link("config.json"),
    "weights are a pipe that never ends": special("model.safetensors", os.mkfifo),
    "the tokenizer is a pipe": special("tokenizer.json", os.mkfifo),
    "a part lists a file without a sum": edited(
        "manifest.json", lambda o: o["parts"]["weights"]["files"].append("more.bin")),
    "a file above the folder is listed": edited(
        "manifest.json", lambda o: o["files"].update({"../train.csv": "0" * 64})),
    "a file of the root is listed": edited(
        "manifest.json", lambda o: o["files"].update({"/etc/passwd": "0" * 64})),
    "the folder itself is listed": edited(
        "manifest.json", lambda o: o["files"].update({"..": "0" * 64})),
    "a name with an escape sequence": edited(
        "manifest.json", lambda o: o["files"].update({"\x1b[2Jgone": "0" * 64})),
    "a name with NUL": edited("manifest.json", lambda o: o["files"].update({"a\0b": "0"})),
    "a sum that is a number": edited("manifest.json", lambda o: o["files"].update(
        {"config.json": 5})),
    "files that are a list": put("manifest.json", files=["config.json"]),
    "parts that are a word": put("manifest.json", parts="all"),
    "a part that nobody knows": edited("manifest.json", lambda o: o["parts"].update(
        {"fate": {"format": 1, "files": []}})),
    "a part of format 7": edited("manifest.json", lambda o: o["parts"]["weights"].update(
        format=7)),
    "settings of another type": edited("manifest.json", lambda o: o["config"].update(
        text_col={"a": 1})),
    "settings without columns": edited("manifest.json", lambda o: o["config"].pop("text_col")),
    "a level that is none": edited("manifest.json", lambda o: o["config"].update(level="all")),
    "a revision that is none": edited("manifest.json", lambda o: o["data"].update(revision="9")),
    "a revision that is a list": edited("manifest.json", lambda o: o["data"].update(
        revision=["2"])),
    "configuration is in no part": edited(
        "manifest.json", lambda o: o["parts"]["weights"]["files"].remove("config.json")),
    "weights are in no part": edited(
        "manifest.json", lambda o: o["parts"]["weights"]["files"].remove("model.safetensors")),
    "no part for the tokenizer": edited("manifest.json", lambda o: o["parts"].pop("tokenizer")),
    "no part for the weights": edited("manifest.json", lambda o: o["parts"].pop("weights")),
    "calibration.json is gone": both(calibration(), gone("calibration.json")),
    "half a blend": edited("manifest.json", lambda o: o["parts"]["blend"]["files"].remove(
        "baseline.json")),
}

SIGNED: dict[str, Callable[[Path], None]] = {  # as by somebody who means harm: the sums hold
    **{f"{name} is {said[:12]!r}": text(name, said) for name in JSON[1:]
       for said in ("", "[]", "{}", "\0", DEEP)},
    "no labels": put("config.json", id2label={}),
    "labels with a gap": put("config.json", id2label={"0": "A", "2": "F", "3": "P"}),
    "a label twice": put("config.json", id2label={"0": "A", "1": "A", "2": "P"}),
    "fewer labels than outputs": put("config.json", id2label={"0": "A", "1": "F"}),
    "more labels than outputs": put("config.json", id2label=LABELS | {"3": "Q"}),
    "labels that are a list": put("config.json", id2label=["A", "F", "P"]),
    "a label that is a number": put("config.json", id2label={"0": 1, "1": 2, "2": 3}),
    "labels in another order than the blend's": put(
        "config.json", id2label={"0": "P", "1": "F", "2": "A"}),
    "a width that is a word": put("config.json", hidden_size="wide"),
    "a width of zero": put("config.json", hidden_size=0),
    "another width": put("config.json", hidden_size=64),
    "a width for all memory": put("config.json", hidden_size=2**30),
    "a million layers": put("config.json", num_hidden_layers=10**6),
    "a layer too few": put("config.json", num_hidden_layers=1),
    "a layer too many": put("config.json", num_hidden_layers=3),
    "no heads": put("config.json", num_attention_heads=0),
    "heads that do not divide the width": put("config.json", num_attention_heads=3),
    "a vocabulary too small": put("config.json", vocab_size=7),
    "positions too few": put("config.json", max_position_embeddings=8),
    "an epsilon that is none": put("config.json", layer_norm_eps="small"),
    "an unknown kind of model": kind("fate"),
    "a kind that is a number": kind(5),
    "another kind of model": kind("roberta"),
    "a kind without classifier": kind("clip"),
    "no kind": without("config.json", "model_type"),
    "an activation that is none": put("config.json", hidden_act="explode"),
    "code to fetch": put("config.json", auto_map={"AutoConfig": "evil.Config"}),
    "code to fetch for the tokenizer": put(
        "tokenizer_config.json", auto_map={"AutoTokenizer": ["evil.Tokenizer", None]}),
    "a kernel from a hub": put("config.json", attn_implementation="evil/kernel"),
    "a kernel from a hub, hidden": put("config.json", _attn_implementation="evil/kernel"),
    "weights to unpack": put("config.json", quantization_config={"quant_method": "bitsandbytes"}),
    "a tensor is missing": weights(lambda o: {k: v for k, v in o.items()
                                              if k != "classifier.weight"}),
    "all tensors are missing": weights(lambda o: {"none": torch.ones(1)}),
    "a tensor too many": weights(lambda o: o | {"more": torch.ones(1)}),
    "tensors under other names": weights(lambda o: {f"model.{k}": v for k, v in o.items()}),
    "a tensor of another shape": weights(lambda o: o | {"classifier.bias": torch.ones(9)}),
    "integers for weights": weights(lambda o: o | {
        "classifier.bias": torch.ones(3, dtype=torch.int64)}),
    "a weight that is no number": filled("classifier.weight", float("nan")),
    "an infinite weight": filled("bert.embeddings.LayerNorm.weight", float("inf")),
    "word vectors that are no numbers": filled("bert.embeddings.word_embeddings.weight",
                                               float("nan")),
    "weights that are a text": text("model.safetensors", "weights"),
    "a header for all memory": text("model.safetensors", b"\xff" * 8 + b"{}"),
    "a header that lies": text("model.safetensors", (
        lambda head: len(head).to_bytes(8, "little") + head)(json.dumps(
            {"classifier.bias": {"dtype": "F32", "shape": [2**40],
                                 "data_offsets": [0, 2**42]}}).encode())),
    "a pickle": text("model.safetensors", b"\x80\x04cos\nsystem\n(S'true'\ntR."),
    "a tokenizer of another kind": put("tokenizer.json", model={"type": "Fate"}),
    "a word piece beyond the model": edited(
        "tokenizer.json", lambda o: o["model"]["vocab"].update(rice=10**6)),
    "a mark beyond the model": put("tokenizer.json", **NEGATIVE),
    "a padding token that is none": put("tokenizer_config.json", pad_token="[NONE]"),
    "a padding token that is a list": put("tokenizer_config.json", pad_token=["[PAD]"]),
    "texts longer than the model": put("tokenizer_config.json", model_max_length=10**6),
    "texts of no token": put("tokenizer_config.json", model_max_length=0),
    "texts of a length that is a word": put("tokenizer_config.json", model_max_length="long"),
    "a side that is none": put("tokenizer_config.json", truncation_side="up"),
    "a blend without weight": without("blend.json", "bert"),
    "a blend of a weight that is none": put("blend.json", bert="much"),
    "a blend of a weight below zero": put("blend.json", linear=-5),
    "a blend of a weight that is no number": put("blend.json", linear=float("nan")),
    "a blend of format 7": put("blend.json", format=7),
    "a calibration that is empty": both(calibration(), text("calibration.json", "{}")),
    "a calibration that is no file of its part": both(calibration(), edited(
        "manifest.json", lambda o: o["parts"]["calibration"].update(files=[]))),
    "a calibration of an unknown model": calibration(models={"\x1b[2J": {"temperature": 1}}),
    "a temperature of zero": calibration(0),
    "a temperature below zero": calibration(-1.5),
    "a temperature that is no number": calibration(float("nan")),
    "a temperature that is a word": calibration("warm"),
    "a TF-IDF model of other labels": put("baseline.json", names=["X", "Y", "Z"]),
    "a TF-IDF model of fewer labels": put("baseline.json", names=["A"]),
    "a TF-IDF model of words that are a number": put("baseline.json", words=5),
    "a TF-IDF model of fewer words": put("baseline.json", words=["rice"]),
    "a TF-IDF model of no scale": put("baseline.json", scale="large"),
    "TF-IDF weights that are no numbers": weights(
        lambda o: o | {"data": torch.full_like(o["data"], float("nan"))},
        name="baseline.safetensors"),
    "TF-IDF weights that point outside": weights(
        lambda o: o | {"indices": torch.full_like(o["indices"], 60_000)},
        name="baseline.safetensors"),
    "TF-IDF weights too few": weights(lambda o: o | {"idf": o["idf"][:2]},
                                      name="baseline.safetensors"),
    "TF-IDF weights without rows": weights(
        lambda o: {k: v for k, v in o.items() if k != "starts"}, name="baseline.safetensors"),
    "another kind, an adapter beside it": both(other_kind, add_file("vocab.json"),
                                               text("adapter_config.json", "{}")),
    "another kind, weights missing": both(other_kind, weights(
        lambda o: {k: v for k, v in o.items() if k != "classifier.weight"})),
    "another kind, weights too many": both(other_kind, weights(
        lambda o: o | {"more": torch.ones(2)})),
    "another kind, weights of another shape": both(other_kind, weights(
        lambda o: o | {"classifier.weight": torch.ones(9, 32)})),
    "another kind, weights that are no numbers": both(
        other_kind, filled("classifier.weight", float("nan"))),
    "another kind, a size that is a word": both(other_kind, put("config.json", dim="wide")),
}


def attack(name: str, change: Callable[[Path], None], sign: bool) -> Attack:
    "Code two texts with a folder that was changed"
    def run(tmp: Path) -> Outcome:
        folder = Path(shutil.copytree(trained(), tmp / "model"))
        change(folder)
        if sign: signed(folder)
        return in_process("predict", folder, *CODE)
    return Attack(name, "folders", run)


def harmless(name: str, change: Callable[[Path], None]) -> Attack:
    "Code two texts with a folder that was changed in a way that does no harm"
    def run(tmp: Path) -> Outcome:
        folder = Path(shutil.copytree(trained(), tmp / "model"))
        change(folder)
        signed(folder)
        return in_process("predict", folder, *CODE)

    def answers(found: Outcome) -> str:
        if found.code: return f"exit code {found.code}: {found.stderr}"
        if "\x1b" in found.stdout + found.stderr: return "an escape sequence reaches the terminal"
        return ""
    return Attack(name, "folders", run, answers)


HARMLESS = {
    "notes beside the model": text("notes.txt", "mine"),
    "a calibration": calibration(),
    "scores beside the model": text("scores.json", "{}"),
    "another kind of model": other_kind,
    "a label that would clear the screen": both(
        put("config.json", id2label={"0": "\x1b[2J\x1b]0;owned\x07A", "1": "F", "2": "P"}),
        put("baseline.json", names=["\x1b[2J\x1b]0;owned\x07A", "F", "P"])),
}
ATTACKS = [*(attack(name, change, sign=False) for name, change in UNSIGNED.items()),
           *(attack(f"{name}, signed", change, sign=True) for name, change in SIGNED.items()),
           *(harmless(name, change) for name, change in HARMLESS.items())]
