"What both recipes are measured with"
import json
import time
from pathlib import Path

from datasets import disable_progress_bars
from transformers import TrainerCallback
from transformers.utils import logging

disable_progress_bars()
logging.disable_progress_bar()
logging.set_verbosity_error()


class Stopwatch(TrainerCallback):
    "Note when each training step ends; the first two steps are warm-up"
    def __init__(self, steps: int): self.steps, self.ends = steps, []

    def on_step_end(self, args, state, control, **kwargs):
        self.ends.append(time.perf_counter())
        control.should_training_stop = len(self.ends) >= self.steps

    def rows_per_second(self, rows: int) -> float:
        return rows * (len(self.ends) - 2) / (self.ends[-1] - self.ends[1])


def texts_per_second(call, texts: list[str]) -> float:
    "Time `call` on `texts`, after a few of them as warm-up"
    call(texts[:32])
    start = time.perf_counter()
    call(texts)
    return len(texts) / (time.perf_counter() - start)


def peak_mib() -> float:
    "Read the most memory that this process held, in MiB"
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def report(path: str, **found): Path(path).write_text(json.dumps(found), encoding="utf-8")
