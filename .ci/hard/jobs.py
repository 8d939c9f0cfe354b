"Large tables: kills at any moment, full disks, folders that vanish, jobs that were changed"
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

from hard import Attack, Outcome, in_process, one_line
from hard.folders import trained

AREA = "jobs"
ATTACKS: list[Attack] = []
PART = 40  # texts a part: small, so that kills come between parts and in them
CODE = f"""
import sys
import nace_clf.tools.jobs as jobs
jobs.PART = {PART}
from nace_clf.cli import main
sys.exit(main(sys.argv[1:]))
"""


def attack(name: str, run: Callable[[Path], Outcome], expect=one_line, quick: bool = True):
    "Add an attack"
    ATTACKS.append(Attack(name, AREA, run, expect, quick))


def fine(found: Outcome) -> str:
    "It works"
    return "" if found.code == 0 else f"exit code {found.code}: {found.stderr[-400:]}"


def register(folder: Path, rows: int = 3_000) -> Path:
    "Write a table of `rows`, some with the same text, some with none"
    words = ("growing", "of", "rice", "road", "works", "driving", "school", '"A"', "1,5")
    body = "".join(f"{i:05d};{' '.join(words[(i * k) % 9] for k in (1, 3, 4))} {i % 700}\n"
                   if i % 50 else f"{i:05d};\n" for i in range(rows))
    path = folder / "in.csv"
    path.write_text("id;text\n" + body, encoding="utf-8")
    return path


def parquet(folder: Path):
    "Write the same table as a folder of Parquet files, each of some hundred rows"
    import pandas as pd
    rows = pd.read_csv(register(folder), sep=";", dtype=str, keep_default_na=False)
    register(folder).unlink()
    (folder / "in").mkdir()
    for i in range(0, len(rows), 700):
        rows[i:i + 700].to_parquet(folder / "in" / f"{i:05d}.parquet", index=False)


def words(folder: Path, *more: object) -> list[str]:
    "Spell the command"
    given = folder / "in" if (folder / "in").is_dir() else folder / "in.csv"
    return [str(o) for o in ("predict", trained(), "--input", given, "--output",
                             folder / "out" / "out.csv", "--no-progress", *more)]


def start(folder: Path, *more: object) -> subprocess.Popen:
    "Start the command as a process of its own"
    line = [sys.executable, "-c", CODE, *words(folder, *more)]
    return subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            env=os.environ | {"OMP_NUM_THREADS": "1"})


def ended(process: subprocess.Popen) -> Outcome:
    "Wait for it"
    out, err = process.communicate(timeout=300)
    return Outcome(process.returncode, out, err)


def here(folder: Path, *more: object) -> Outcome:
    "Run the command in this process, with small parts"
    import nace_clf.tools.jobs as jobs
    before, jobs.PART = jobs.PART, PART
    try: return in_process(*words(folder, *more))
    finally: jobs.PART = before


@cache
def undisturbed(folder: Path, write: Callable[[Path], object] = register) -> bytes:
    "Return what comes out if nothing happens"
    write(folder)
    found = here(folder)
    if found.code: raise RuntimeError(found.stderr)
    body = (folder / "out" / "out.csv").read_bytes()
    shutil.rmtree(folder / "out")
    return body


# Kills

def killed(times: int, seed: int, write=register, *more: object,
           span: float = 1.5) -> Callable[[Path], Outcome]:
    "Kill the command within `span` seconds of its start, and let it go on each time"
    def run(folder: Path) -> Outcome:
        wanted, rng, dead = undisturbed(folder, write), random.Random(seed), 0
        job = folder / "out" / "out.csv.job"
        for _ in range(10 * times):
            process = start(folder, "--resume", *more)
            while process.poll() is None and not (job / "plan.json").exists(): time.sleep(0.01)
            time.sleep(rng.random() * span)
            process.kill()
            done = ended(process)
            dead += done.code == -signal.SIGKILL
            if done.code == 0: shutil.rmtree(folder / "out")  # it was faster: again from the start
            if dead >= times: break
        found = ended(start(folder, "--resume", *more))
        same = found.code == 0 and (folder / "out" / "out.csv").read_bytes() == wanted
        left = job.exists()
        if found.code == 0 and (not same or left or dead < times):
            said = f"same: {same}, left: {left}, killed {dead} times"
            return replace(found, code=98, stderr=said)
        return found
    return run


attack("kill -9 at three random moments", killed(3, 1), fine)
attack("kill -9 at twenty random moments", killed(20, 2), fine, quick=False)
attack("kill -9 at twenty random moments, a folder of Parquet files", killed(20, 3, parquet), fine,
       quick=False)
attack("kill -9 at twenty random moments, on Ray",
       killed(20, 4, register, "--engine", "ray", "--workers", 1, span=20), fine, quick=False)


# Disks

def full(after: int) -> Callable[[Path], Outcome]:
    "Have the disk be full after so many files of a job, then make room and go on"
    def run(folder: Path) -> Outcome:
        import nace_clf.parts.durable as durable
        wanted, left, force = undisturbed(folder), [after], durable._force

        def no_room(path: Path):
            left[0] -= 1
            if left[0] < 0: raise OSError(28, "No space left on device")
            return force(path)
        durable._force = no_room
        try: found = here(folder)
        finally: durable._force = force
        again = here(folder, "--resume")
        same = again.code == 0 and (folder / "out" / "out.csv").read_bytes() == wanted
        said = "No space left" in found.stderr
        if same and said: return found
        return replace(found, code=98, stderr=found.stderr + again.stderr)
    return run


for after in (0, 5, 25, 40): attack(f"a disk that is full after {after} files", full(after),
                                    quick=after == 25)


def vanishes(step: str, after: int = 1) -> Callable[[Path], Outcome]:
    "Take the folder of the output away in the midst of a job, and go on: from the start"
    def run(folder: Path) -> Outcome:
        import nace_clf.tools.jobs as jobs
        wanted, real, count = undisturbed(folder), getattr(jobs, step), [0]

        def going(*given):
            count[0] += 1
            if count[0] == after: shutil.rmtree(folder / "out")
            return real(*given)
        setattr(jobs, step, going)
        try: found = here(folder)
        finally: setattr(jobs, step, real)
        again = here(folder, "--resume")
        same = again.code == 0 and (folder / "out" / "out.csv").read_bytes() == wanted
        return found if same else replace(found, code=98, stderr=again.stderr)
    return run


for step, after in (("pieces", 1), ("keep_part", 3), ("join_parts", 1), ("writer_of", 1)):
    attack(f"an output folder that vanishes at {step}", vanishes(step, after),
           quick=step == "keep_part")


# Jobs that were changed

def changed(change: Callable[[Path], None], works: bool = False) -> Callable[[Path], Outcome]:
    "Leave a job unfinished, change it, and go on"
    def run(folder: Path) -> Outcome:
        import nace_clf.tools.jobs as jobs
        wanted, keep, count = undisturbed(folder), jobs.keep_part, [0]

        def keeping(*given):
            count[0] += 1
            if count[0] == 4: raise KeyboardInterrupt
            return keep(*given)
        jobs.keep_part = keeping
        try: here(folder)
        finally: jobs.keep_part = keep
        change(folder / "out" / "out.csv.job")
        found = here(folder, "--resume")
        if not works or found.code: return found
        same = (folder / "out" / "out.csv").read_bytes() == wanted
        return found if same else replace(found, code=98, stderr="other bytes")
    return run


def says(name: str, **values) -> Callable[[Path], None]:
    "Set `values` in a JSON file of the job"
    def apply(job: Path):
        found = json.loads((job / name).read_text(encoding="utf-8")) | values
        (job / name).write_text(json.dumps(found), encoding="utf-8")
    return apply


def cut(name: str) -> Callable[[Path], None]:
    "Keep half of a file of the job"
    def apply(job: Path):
        path = sorted(job.glob(name))[0]
        path.write_bytes(path.read_bytes()[:path.stat().st_size // 2])
    return apply


for what, change in {
    "a plan of format 7": says("plan.json", format=7), "a plan that is cut": cut("plan.json"),
    "a plan of other texts a part": says("plan.json", part=7),
    "a plan of another model": says("plan.json", model="0" * 64),
    "a start that is cut": cut("start.json"),
    "a start of more parts": says("start.json", parts=10**6),
    "rows that are cut": cut("rows.u32"), "no rows": lambda job: (job / "rows.u32").unlink(),
    "texts that are cut": cut("texts-000010*"),
}.items(): attack(f"a job with {what}", changed(change), quick="cut" in what)
for what, change in {
    "a part that is cut": cut("part-*"),
    "a part of another size": lambda job: shutil.copy(sorted(job.glob("texts-*"))[-1],
                                                      job / "part-000000.parquet"),
    "a draft that was left": lambda job: (job / "part-000009.parquet.tmp").write_bytes(b"half"),
}.items(): attack(f"a job with {what}", changed(change, works=True), fine)
attack("a job whose input has changed", changed(lambda job: register(job.parent.parent, 2_999)))
