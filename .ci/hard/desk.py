"Desks whose writers are killed, and databases and sheets that are not what they should be"
import random
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from hard import Attack, Outcome, in_process

LIMIT = 120  # seconds
ATTACKS: list[Attack] = []
ROWS, WRITERS = 2000, 4
WRITER = """
import sys
from threading import Thread
from nace_clf.parts.desk_records import Choice
from nace_clf.parts.desk_store import Desk

desk = Desk(sys.argv[1])


def work(coder):
    while record := desk.next(1, coder):
        kept = desk.decide(record.id, coder, Choice(code="AC"[record.rank % 2], key=record.row_id))
        sys.stdout.write(f"{kept.id} {kept.row_id} {kept.code}\\n")  # acknowledged from here on
        sys.stdout.flush()


print("ready", flush=True)
for coder in desk.coders(): Thread(target=work, args=[coder.id]).start()
"""


def prepared(db: str):
    "Make a desk with many records and some coders"
    from nace_clf.parts.desk_records import NewProject, NewRecord
    from nace_clf.parts.desk_store import Desk
    with Desk(db) as desk:
        rows = (NewRecord(f"r{i}", i, f"text {i}", rank=i) for i in range(1, ROWS + 1))
        desk.add_project(NewProject("p", revision="2"), rows)
        for i in range(WRITERS): desk.add_coder(f"c{i}")


def killed_once(db: str, most: int) -> list[str]:
    "Start writers on `db`, kill them once so many decisions are acknowledged, and list these"
    words = [sys.executable, "-c", WRITER, db]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    timer = threading.Timer(LIMIT, process.kill)
    timer.start()
    try:
        lines = [process.stdout.readline() for _ in range(1 + most)]
        process.send_signal(signal.SIGKILL)
        lines += process.stdout.read().splitlines(keepends=True)  # what was said before it was dead
        if process.wait() != -signal.SIGKILL: raise RuntimeError("the writers ended by themselves")
    finally: timer.cancel()
    return [line.strip() for line in lines[1:] if line.endswith("\n")]


def wrong_with(db: str, acknowledged: list[str]) -> str:
    "Say what of `acknowledged` is lost in `db`, or does not fit together; nothing if all is well"
    from nace_clf.parts.desk_records import outcome_of
    from nace_clf.parts.desk_store import Desk
    with Desk(db) as desk:
        there = {f"{o.id} {o.row_id} {o.code}" for o in desk.decisions(1)}
        standing = {}
        for o in desk.standing(1): standing.setdefault(o.record_id, []).append(o)
        states = {o.id: (o.state, o.outcome, o.final) for o in desk.records(1, limit=None)}
    lost = [line for line in acknowledged if line not in there]
    if lost: return f"{len(lost)} of {len(acknowledged)} are lost, the first is {lost[0]}"
    if len(acknowledged) < 10: return f"only {len(acknowledged)} decisions were made"
    if max(map(len, standing.values())) > 1: return "a record was decided twice"
    for key, state in states.items():
        found = outcome_of(standing.get(key, []))
        if state != (found["state"], found["outcome"], found["final"]):
            return f"record {key} is {state}, and its decisions say {found}"
    return ""


def killed(times: int) -> Callable[[Path], Outcome]:
    "Kill writers so many `times`, on SQLite and PostgreSQL"
    def run(tmp: Path) -> Outcome:
        "Kill, look, and go on"
        from nace_clf.parts.desk_database import trial_databases
        rng, said = random.Random(20), []
        with trial_databases() as fresh:
            for db in fresh():
                prepared(db)
                acknowledged = []
                for _ in range(times):
                    acknowledged += killed_once(db, rng.randint(5, 60))
                    if wrong := wrong_with(db, acknowledged): return Outcome(1, stderr=wrong)
                if "://" not in db:
                    with sqlite3.connect(db) as con:
                        [[fits]] = con.execute("PRAGMA integrity_check")
                    if fits != "ok": return Outcome(1, stderr=fits)
                said.append(f"{len(acknowledged)} acknowledged, {times} kills")
        return Outcome(0, "\n".join(said))
    return run


def all_kept(found: Outcome) -> str: return found.stderr


ATTACKS += [
    Attack("writers are killed three times, and nothing is lost", "desk", killed(3), all_kept),
    Attack("writers are killed twenty times, and nothing is lost", "desk", killed(20), all_kept,
           quick=False)]


# Databases that are none

def status_of(make: Callable[[Path], object]) -> Callable[[Path], Outcome]:
    "Ask for the status of the database that `make` leaves"
    return lambda tmp: in_process("desk", "status", "--db", make(tmp))


def newer(tmp: Path) -> Path:
    "Make a database, and say that a newer program has changed it"
    from nace_clf.parts.desk_store import Desk
    Desk(tmp / "desk.sqlite").close()
    with sqlite3.connect(tmp / "desk.sqlite") as con:
        con.execute("UPDATE desk_version SET version_num = '9999'")
    return tmp / "desk.sqlite"


def foreign(tmp: Path) -> Path:
    "Make the database of another program"
    with sqlite3.connect(tmp / "other.sqlite") as con: con.execute("CREATE TABLE mine (a)")
    return tmp / "other.sqlite"


def cut_off(tmp: Path) -> Path:
    "Make a database, and cut it in the middle"
    prepared(str(tmp / "desk.sqlite"))
    whole = (tmp / "desk.sqlite").read_bytes()
    (tmp / "desk.sqlite").write_bytes(whole[:len(whole) // 2])
    for name in ("desk.sqlite-wal", "desk.sqlite-shm"): (tmp / name).unlink(missing_ok=True)
    return tmp / "desk.sqlite"


def text(tmp: Path) -> Path:
    "Write a text where a database should be"
    (tmp / "desk.sqlite").write_text("row_id,text\n" * 500)
    return tmp / "desk.sqlite"


ATTACKS += [Attack(name, "desk", status_of(make)) for name, make in {
    "a database of a newer version": newer, "the database of another program": foreign,
    "a database that is cut off": cut_off, "a text for a database": text,
    "a folder for a database": lambda tmp: tmp, "no database": lambda tmp: tmp / "none.sqlite",
    "a server that is not there": lambda tmp: f"postgresql://me:secret@/x?host={tmp}",
    "an address of something else": lambda tmp: "mysql://me:secret@x.org/y"}.items()]


# Sheets

def sheet(change: Callable) -> Callable[[Path], Outcome]:
    "Import the sheet of a project after a `change`"
    def run(tmp: Path) -> Outcome:
        "Make the project, change the sheet, import it"
        import pandas as pd

        from nace_clf.parts.tables import read_table, write_table
        db = ("--db", tmp / "desk.sqlite")
        titles = pd.DataFrame({"text": ["=1+1", "rice", "bread"]})
        write_table(titles, tmp / "titles.csv")
        in_process("desk", "import", tmp / "titles.csv", "--project", "p", "--revision", "2", *db)
        in_process("desk", "export", tmp / "sheet.csv", *db)
        write_table(change(read_table(tmp / "sheet.csv").astype(object)), tmp / "sheet.csv")
        found = in_process("desk", "import", tmp / "sheet.csv", "--coder", "anna", *db)
        with sqlite3.connect(tmp / "desk.sqlite") as con:
            [[kept]] = con.execute("SELECT count(*) FROM desk_decisions")
        return found if not kept else Outcome(0, "something was kept of a sheet that is wrong")
    return run


ATTACKS += [Attack(name, "desk", sheet(change)) for name, change in {
    "a sheet of another table": lambda df: df.assign(row_id=["a", "b", "c"], decision="A"),
    "a sheet with one column sorted": lambda df: df.assign(
        text=df.text[::-1].to_numpy(), decision="A"),
    "a sheet with a row twice": lambda df: df.assign(row_id=df.row_id.iloc[0], decision="A"),
    "a sheet with a code that is none": lambda df: df.assign(decision=["A", "A", "=1+1"]),
    "a sheet without texts": lambda df: df.drop(columns="text").assign(decision="A")}.items()]
