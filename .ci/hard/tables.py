"Tables, settings and terminals that are damaged, mean harm, or ask for more than there is"
import gzip
import json
import os
import random
import resource
import struct
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import xlsxwriter

from hard import Attack, Outcome, in_process, one_line
from hard.folders import trained

AREA = "tables"
GIGABYTE = 2**30
ROWS = b"text,label\ngrowing of rice,A\nroad works,F\n"
MANY = b"text,label\n" + b"".join(b"word %d,%s\n" % (i, b"AC"[i % 2:i % 2 + 1]) for i in range(40))
ATTACKS: list[Attack] = []
SECRETS = ("hunter2", "s3cr3t", "me:")


# How to run

@contextmanager
def environment(**values: str):
    "Set environment variables for a while"
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try: yield
    finally:
        for name, value in before.items():
            if value is None: del os.environ[name]
            else: os.environ[name] = value


def snapshot(folder: Path) -> dict[str, bytes]:
    "Read what is in `folder`"
    return {p.name: p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def run(folder: Path, *words: object, limits: str = "") -> Outcome:
    "Run `nace-clf` in this process and in `folder`; paths are relative to it"
    home = os.getcwd()
    os.chdir(folder)
    try:
        with environment(NACE_CLF_LIMITS=limits): done = in_process(*words)
    finally: os.chdir(home)
    return replace(done, files=snapshot(folder))


def program(folder: Path, *words: str | bytes, shell: str = "", memory: int = 0, seconds: int = 120,
            **env: str) -> Outcome:
    "Run `nace-clf` as a program of its own, with as much memory and time as given"
    def limited():
        if memory: resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    line = [sys.executable, "-m", "nace_clf.cli", *words]
    if shell: line = ["bash", "-c", f'set -o pipefail; "$@" {shell}', "bash", *line]
    done = subprocess.run(line, cwd=folder, capture_output=True, timeout=seconds,
                          env=os.environ | env, preexec_fn=limited)
    said = (o.decode("utf-8", "surrogateescape") for o in (done.stdout, done.stderr))
    return Outcome(done.returncode, *said, files=snapshot(folder))


# What must come of it

def refused(*says: str) -> Callable[[Outcome], str]:
    "It ends in one line that names what is wrong, and leaves nothing new"
    def expect(found: Outcome) -> str:
        missing = [o for o in says if o not in found.stderr]
        left = [o for o in found.files if o.startswith(("out", "."))]
        return one_line(found) or missing and f"{missing} not in {found.stderr}" or \
            left and f"left behind: {left}" or ""
    return expect


def done(check: Callable[[Outcome], object] = lambda found: True, codes=(0, 1)):
    "It works, and `check` holds of what was said or written"
    def expect(found: Outcome) -> str:
        if "Traceback" in found.stderr or found.code not in codes:
            return f"exit code {found.code}: {found.stderr[-400:]}"
        odd = [o for o in "\x1b\x9b\x07\u202e" if o in found.stdout + found.stderr]
        if odd: return f"{odd} reaches the terminal"
        try: return "" if check(found) else f"not as it must be: {found.stdout[-300:]}"
        except Exception as e: return f"{type(e).__name__}: {e}"
    return expect


def attack(name: str, run: Callable[[Path], Outcome], expect=one_line, quick: bool = True):
    "Add an attack"
    ATTACKS.append(Attack(name, AREA, run, expect, quick))


def put(folder: Path, files: dict[str, bytes | Callable[[Path], object]]) -> Path:
    "Write `files` into `folder`"
    for name, body in files.items():
        if callable(body): body(folder / name)
        else: (folder / name).write_bytes(body)
    return folder


def table(name: str, body: bytes | Callable[[Path], object], *says: str, file: str = "t.csv",
          limits: str = "", words: tuple[str, ...] = (), quick: bool = True):
    "Have `check` read a bad table, which must be refused and left as it is"
    def apply(folder: Path) -> Outcome:
        put(folder, {file: body})
        before = snapshot(folder)
        found = run(folder, "check", file, *words, "--json", "out.json", limits=limits)
        same = all(found.files.get(o) == before[o] for o in before)
        return found if same else replace(found, code=99, stderr="the input was changed")
    attack(name, apply, refused(file, *says), quick)


# Files that are no tables, or damaged

half = gzip.compress(ROWS * 1000)[:-20]
table("a zero byte in a cell", b"text,label\na\0b,A\n", "zero byte")
table("a zero byte after a megabyte", ROWS + b"x,A\n" * 300_000 + b"a\0b,A\n", "line 300004",
      "zero byte")
table("a zero byte in an encoding that is named", b"text,label\na\0b,A\n", "zero byte",
      words=("--encoding", "cp1252"))
table("a gzip that is cut", half, "damaged", file="t.csv.gz")
table("a gzip with a wrong sum", gzip.compress(ROWS)[:-8] + b"\0" * 8, "damaged", file="t.csv.gz")
table("a gzip of nothing", gzip.compress(b""), file="t.csv.gz")
table("a file that is only a mark of byte order", b"\xef\xbb\xbf")
table("a table of line breaks", b"\n" * 1000)
table("a quotation mark that never closes", ROWS + b'"road works,F\n' + b"x,F\n" * 9,
      "quotation mark")
table("a row with a field too many", ROWS + b"a,b,c\n", "row 4", "3 fields")
table("a field too many after 60,000 rows", ROWS + b"x,A\n" * 60_000 + b"a,b,c\n", "row 60004")
table("half UTF-8, half Windows", ROWS + "café,A\nthé,A\n".encode() + "pâté,A\n".encode("cp1252"),
      "line 6")
table("a line for Excel above the header", b"sep=;\ntext;label\na;A\n", "line 1")
table("random bytes", random.Random(1).randbytes(50_000))
table("random bytes as Parquet", b"PAR1" + random.Random(2).randbytes(50_000) + b"PAR1", "Parquet",
      file="t.parquet")
table("a footer of Parquet that is longer than the file", b"PAR1" + b"x" * 50
      + struct.pack("<I", 2**31 - 1) + b"PAR1", "Parquet", file="t.parquet")
table("random bytes as a ZIP", b"PK\x03\x04" + random.Random(3).randbytes(9000), "Excel",
      file="t.xlsx")
table("random bytes as an old Excel file", b"\xd0\xcf\x11\xe0" + random.Random(4).randbytes(9000),
      file="t.xls")
table("a ZIP that holds no workbook", lambda p: zipfile.ZipFile(p, "w").writestr("a", "b"),
      file="t.xlsx")
table("two columns of one name", b"text,text,label\na,b,A\n", "two columns")
table("a folder in place of a table", lambda p: p.mkdir(), "is a folder, and is empty")
if hasattr(os, "mkfifo"): table("a pipe in place of a table", os.mkfifo, "no such file")
table("a link to itself", lambda p: p.symlink_to(p))
attack("a name of 500 letters", lambda d: run(d, "check", "x" * 500 + ".csv"))
attack("a zero byte in a name", lambda d: run(d, "check", "x\0.csv"))


# Bombs

def many_zeros(path: Path, megabytes: int):
    "Write a gzip that unpacks to so many megabytes: a packed megabyte, again and again"
    path.write_bytes(gzip.compress(b"text\n") + gzip.compress(b"xxxxxxx\n" * 131_072) * megabytes)


def book(path: Path, cells: dict[tuple[int, int], str]):
    "Write an Excel file with texts at some places"
    with xlsxwriter.Workbook(path) as made:
        sheet = made.add_worksheet()
        for (row, column), text in cells.items(): sheet.write_string(row, column, text)


GOOD = {(0, 0): "text", (0, 1): "label", (1, 0): "rice", (1, 1): "A"}


def patched(part: str, old: bytes, new: bytes) -> Callable[[Path], None]:
    "Write a good Excel file, and replace bytes of one part"
    def write(path: Path):
        book(path.with_suffix(".good"), GOOD)
        with zipfile.ZipFile(path.with_suffix(".good")) as a, \
                zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as b:
            for info in a.infolist():
                body = a.read(info)
                b.writestr(info.filename, body.replace(old, new) if part in info.filename else body)
        path.with_suffix(".good").unlink()
    return write


def stray(path: Path):
    "Write an Excel file with a stray cell"
    book(path, GOOD | {(1_048_575, 16_383): "x"})


def lying(path: Path):
    "Write an Excel file of which a part is larger than the archive says"
    size = 60_000_011
    patched("sheet1", b"</worksheet>", b"</worksheet>")(path)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as made:
        made.writestr("xl/x.xml", b"<a>" + b" " * (size - 3))
    body = path.read_bytes()
    path.write_bytes(body.replace(struct.pack("<I", size), struct.pack("<I", 5)))


def ods(path: Path, row: str):
    "Write an .ods with one row"
    spaces = " ".join(f'xmlns:{o}="urn:oasis:names:tc:opendocument:xmlns:{o}:1.0"'
                      for o in ("office", "table", "text"))
    head = (f'<office:document-content {spaces}><office:body><office:spreadsheet>'
            '<table:table table:name="a">')
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    about = ('<m:manifest xmlns:m="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
             f'<m:file-entry m:full-path="/" m:media-type="{kind}"/></m:manifest>')
    tail = "</table:table></office:spreadsheet></office:body></office:document-content>"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("mimetype", kind)
        made.writestr("META-INF/manifest.xml", about)
        made.writestr("content.xml", head + row + tail)


def rows_of_nothing(path: Path, n: int = 2_000_000):
    "Write a Parquet file of a few bytes and many rows"
    pq.write_table(pa.table({"text": pa.array(["rice"] * n).dictionary_encode()}), path)


CELL = ('<table:table-row table:number-rows-repeated="1048576">'
        '<table:table-cell office:value-type="string" table:number-columns-repeated="16384">'
        '<text:p>a</text:p></table:table-cell></table:table-row>')
FAR = (b"<row>" + b"<c/>" * 16_000 + b"<c><v>1</v></c></row>" + b"<row/>" * 60_000
       + b"<row><c><v>1</v></c></row></sheetData>")
TOO = "NACE_CLF_LIMITS=size="

table("a gzip of a few kB that unpacks to more than is allowed", lambda p: many_zeros(p, 60),
      "unpacks to more than 50 MB", TOO,
      file="t.csv.gz", limits="size=50MB")
table("a sheet with a stray cell in the last corner", stray,
      "1,048,576 rows and 16,384 columns", TOO, file="t.xlsx")
table("a stray cell in another sheet's letters", patched("sheet1", b'r="B2"', b"r='zzzzzz1048576'"),
      TOO, file="t.xlsx")
table("a row number of 20 digits", patched("sheet1", b'r="A2"', b'r="A99999999999999999999"'), TOO,
      file="t.xlsx")
table("a stray cell that does not say where it is", patched("sheet1", b"</sheetData>", FAR), TOO,
      file="t.xlsx")
table("a part of a workbook that unpacks to more than is allowed",
      patched("sheet1", b"</worksheet>", b" " * 60_000_000 + b"</worksheet>"),
      "unpacks to more than 50 MB", file="t.xlsx",
      limits="size=50MB")
table("a workbook that lies about its size", lying, "unpacks to more than 50 MB", file="t.xlsx",
      limits="size=50MB")
table("one long text in every cell", lambda p: book(p, {(i, 0): "x" * 32_000 for i in range(3000)}),
      TOO, file="t.xlsx",
      limits="size=50MB")
table("cells of an .ods that are repeated 17 billion times", lambda p: ods(p, CELL), TOO,
      file="t.ods")
table("an .ods with one cell repeated",
      lambda p: ods(p, CELL.replace("1048576", "1").replace("16384", "2000000000")), TOO,
      file="t.ods")
table("a Parquet file of few bytes and many rows", rows_of_nothing, "2,000,000 rows", TOO,
      file="t.parquet", limits="size=10MB")
table("a line of more than 64 MB", b"text,label\n" + b"x" * 70_000_000 + b",A\n", "line 2", "64 MB",
      "NACE_CLF_LIMITS=line=")
table("a line that is too long in an old Mac's file", b"text\r" + b"x" * 3_000_000 + b"\r", "1 MB",
      limits="line=1MB")
attack("a limit that is none",
       lambda d: run(put(d, {"t.csv": ROWS}), "check", "t.csv", limits="size=lots"),
       refused("NACE_CLF_LIMITS"))


def measured(name: str, write: Callable[[Path], object], file: str, *says: str):
    "The same with the limits that are the default, in 6 GB of address space and a minute"
    def apply(folder: Path) -> Outcome:
        put(folder, {file: write})
        return program(folder, "check", file, memory=6 * GIGABYTE, seconds=60)
    attack(name + ", in 6 GB and a minute", apply, refused(file, *says), quick=False)


def long_line(path: Path):
    "Write a line of two gigabytes"
    with open(path, "wb") as f:
        f.write(b"text\n")
        for _ in range(2000): f.write(b"x" * 1_000_000)


measured("a gzip that unpacks to 10 GB", lambda p: many_zeros(p, 10_000), "t.csv.gz", "4 GB")
measured("a stray cell in the last corner", stray, "t.xlsx")
measured("a line of 2 GB", long_line, "t.csv", "line")
measured("600 million rows of Parquet",
         lambda p: pq.write_table(pa.table({"text": pa.nulls(600_000_000)}), p), "t.parquet",
         "600,000,000 rows")


# Settings

TRAIN = ("train", "t.csv", "--out-dir", "out", "--config")


def settings(name: str, body: str | bytes, *says: str, command=TRAIN):
    "Have a command read bad settings"
    raw = body if isinstance(body, bytes) else body.encode()
    def apply(folder: Path) -> Outcome:
        return run(put(folder, {"t.csv": MANY, "s.yaml": raw}), *command, "s.yaml")
    attack(f"settings: {name}", apply, refused("s.yaml", *says))


LAUGHS = "a0: &a0 [ha, ha]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 12))
SEARCH = ("tune", "t.csv", "--out", "out", "--space")
settings("a billion laughs", LAUGHS, "alias")
settings("an alias of itself", "epochs: &a [*a]", "alias")
settings("lists in lists, 100,000 deep", "epochs: " + "[" * 100_000, "levels deep")
settings("maps in maps, 100,000 deep", "{a: " * 100_000)
settings("dashes, 400,000 in a line", "- " * 400_000)
settings("two megabytes", "# " + "x" * 2_000_000, "bytes")
settings("a number of 5,000 digits", "epochs: " + "9" * 5000)
settings("a day that does not exist", "epochs: 2024-13-45")
settings("an object of Python", "epochs: !!python/object/apply:os.system [ls]")
settings("bytes that are no text", b"\xff\xfe\xff")
settings("a zero byte", b"epochs: \0")
settings("an escape sequence", 'epochs: "\\e]0;mine\\a"')
settings("an escape sequence in a name", '"\\e[2J": 3')
settings("a billion laughs to search", LAUGHS, "alias", command=SEARCH)
attack("settings: an escape sequence to search",
       lambda d: run(put(d, {"t.csv": MANY, "s.yaml": b'"\\e[2J": [1]'}), *SEARCH, "s.yaml"),
       refused("cannot be searched"))


# Addresses

class Server(BaseHTTPRequestHandler):
    "Answer in bad ways"
    def do_HEAD(self): self.do_GET()

    def do_GET(self):
        kind = self.path[1:].partition("?")[0].removesuffix(".csv").removesuffix(".gz")
        if kind == "silent": time.sleep(8)
        self.send_response(int(kind) if kind.isdigit() else 200)
        if kind.startswith("30"): self.send_header("Location", self.path)
        self.end_headers()
        if self.command == "HEAD" or kind.isdigit(): return
        try:
            while kind in ("endless", "slow"):
                self.wfile.write(b"rice,A\n" * 9000 ** (kind == "endless"))
                if kind == "slow": time.sleep(0.1)
            self.wfile.write(MANY)
        except OSError: pass

    def log_message(self, *args): pass


@cache
def host() -> str:
    "Start the server, and say where it is"
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    Thread(target=server.serve_forever, daemon=True).start()
    return f"127.0.0.1:{server.server_port}"


def address(kind: str) -> str: return f"http://me:hunter2@{host()}/{kind}.csv?token=s3cr3t"


def no_secret(expect: Callable[[Outcome], str]) -> Callable[[Outcome], str]:
    "Besides, no secret is in what is said or written"
    def also(found: Outcome) -> str:
        said = [found.stdout, found.stderr]
        said += [body.decode("utf-8", "replace") for name,
            body in found.files.items() if name.startswith("out")]
        told = [o for o in SECRETS for text in said if o in text]
        return f"told: {told}" if told else expect(found)
    return also


def asked(name: str, kind: str, *says: str, limits: str = "", words: tuple[str, ...] = ()):
    "Have `check` read an address that answers badly"
    attack(f"an address that {name}", lambda d: run(d, "check", address(kind), *words,
           limits=limits),
           no_secret(refused(f"/{kind}.csv", *says)))


asked("sends without end", "endless", "sends more than 2 MB", limits="size=2MB")
asked("sends nothing", "silent", "sent nothing for 1 seconds", limits="wait=1")
asked("sends a row now and then", "slow", "took longer than 1 seconds", limits="seconds=1")
asked("finds nothing", "404", "404")
asked("knows no such user", "401", "401")
asked("fails", "500", "500")
asked("sends somewhere else for ever", "302")
attack("an address where nobody listens", lambda d: run(d, "check",
           "http://me:hunter2@127.0.0.1:9/t.csv?token=s3cr3t"),
       no_secret(refused("127.0.0.1:9/t.csv")))
for kind in ("foo://me:hunter2@x/t.csv?token=s3cr3t", "https:/me:hunter2@x.org/t.csv?token=s3cr3t",
             "https://[me:hunter2@x/t.csv", "zip://t.csv::foo://me:hunter2@x/a.zip?s3cr3t"):
    attack(f"an address that is none, {kind.partition(':')[0]}{kind.count('/')}", lambda d,
           o=kind: run(d, "check", o),
           no_secret(refused()))
attack("secrets in a report", lambda d: run(d, "check", address("good"), "--json", "out.json",
           "--html", "out.html"),
       no_secret(done(lambda o: host() in o.files["out.html"].decode())))
attack("secrets in what is compared", lambda d: run(put(d, {"t.csv": ROWS}), "check", "t.csv",
           "--against", address("good"),
           "--json", "out.json"), no_secret(done()))
attack("secrets in a table without the column", lambda d: run(d, "check", address("good"),
           "--text-col", "txt"),
       no_secret(refused("did you mean 'text'")))
attack("secrets in predictions", lambda d: run(d, "predict", trained(), "--input", address("good"),
           "--output", "out.csv",
           "--no-progress"), no_secret(done()))
attack("secrets in scores", lambda d: run(d, "evaluate", trained(), address("good"), "--json",
           "out.json", "--html", "out.html",
           "--no-progress"), no_secret(done()))


def train_from_address(folder: Path) -> Outcome:
    "Train a model on what is at an address"
    return run(folder, "train", address("good"), "--out-dir", "out-model", "--model-id",
        trained().parent / "tiny",
               "--epochs", 1, "--max-seq-len", 32, "--no-progress")


def told_by_model(found: Outcome) -> str:
    "No file of the model tells a secret"
    told = [name for name, body in found.files.items() for o in SECRETS[:2] if o.encode() in body]
    return f"told in {told}" if told else no_secret(done())(found)


attack("secrets in a model", train_from_address, told_by_model)


# The terminal

ODD = "\x1b]0;mine\x07\x1b[2J\x9b31m\u202e"
ESCAPED = f"te{ODD}xt,label\nrice{ODD},A{ODD}\nwheat,A{ODD}\nbread,C\n".encode()
CHECK = ("check", "t.csv", "--text-col", f"te{ODD}xt", "--json", "out.json")


def shown(name: str, *words: str, files: dict | None = None, expect=None):
    "Have a command say something that a terminal would obey"
    attack(f"escape sequences in {name}", lambda d: run(put(d, files or {"t.csv": ESCAPED}),
           *words), expect or refused())


shown("texts, labels and names of columns", *CHECK, expect=done())
shown("names of columns, where one is missing", "check", "t.csv")
shown("the name of a column that is asked for", "check", "t.csv", "--text-col", ODD)
shown("the name of a file", "check", f"{ODD}.csv")
shown("the name of a file that is there", "check", f"{ODD}.csv", files={f"{ODD}.csv": ROWS},
      expect=done())
shown("an option", "check", "t.csv", f"--{ODD}")
shown("a command", ODD)
shown("a number", "check", "t.csv", "--max-seq-len", ODD)
shown("a setting", "train", "t.csv", "--model-id", ODD, "--out-dir", "out")
shown("a folder", "predict", ODD, "rice")
shown("an output", "check", "t.csv", "--json", f"no/{ODD}/x\0.json")
shown("what is coded", "predict", trained, f"rice {ODD}", expect=done())
ATTACKS[-1] = replace(ATTACKS[-1], run=lambda d: run(d, "predict", trained(), f"rice {ODD}"))
shown("the name of a sheet", "check", "t.xlsx", files={"t.xlsx": patched("workbook.xml", b"Sheet1",
          "a\u202eb".encode())},
      expect=done())
shown("what is reviewed", "review", "t.csv", "--out", "out.csv",
      files={"t.csv": "text,label\n".encode() + "".join(f"word {i % 9} {ODD},{'AC'[i % 2]}{ODD}\n"
          for i in range(60)).encode()},
      expect=done())

for encoding in ("cp1252", "ascii", "utf-16", "cp437"):
    attack(f"a terminal in {encoding}", lambda d, o=encoding: program(
        put(d, {"t.csv": "text,label\nélevage → Ж,A\nrice,A\n".encode()}), "check", "t.csv",
        PYTHONIOENCODING=o), done(),
        quick=encoding == "ascii")
    attack(f"suggestions on a terminal in {encoding}", lambda d, o=encoding: program(
        d, "predict", str(trained()), "élevage de vaches", PYTHONIOENCODING=o), done(),
        quick=encoding == "cp1252")
C = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
ACCENTS = "libellé,label\nélevage,A\nblé,A\n".encode()
attack("a locale of ASCII, and a file with accents", lambda d: program(
           put(d, {"é.csv": ACCENTS}), "check", "é.csv".encode(), "--text-col", "libellé".encode(),
           "--json", "out.json", **C),
       done(lambda o: json.loads(o.files["out.json"])["columns"]["text"] == ["libellé"]))
attack("a locale of ASCII, and a description with accents",
       lambda d: program(d, "predict", str(trained()), "élevage de vaches".encode(), **C), done())
attack("a locale of ASCII, and bytes that are no text",
       lambda d: program(d, "predict", str(trained()), b"caf\xe9", **C), refused("UTF-8"))
attack("a description that is no text", lambda d: program(d, "predict", str(trained()),
           b"caf\xe9 \xff"), refused("UTF-8"))
attack("a name of a column that is no text",
       lambda d: program(put(d, {"t.csv": ROWS}), "check", "t.csv", "--text-col", b"\xff"),
       refused("UTF-8"))


def bytes_name(folder: Path) -> Outcome:
    "Check a file whose name is no text"
    with open(os.path.join(os.fsencode(folder), b"caf\xe9.csv"), "wb") as f: f.write(ROWS)
    return program(folder, "check", b"caf\xe9.csv", "--json", "out.json", "--html", "out.html")


attack("the name of a file that is no text", bytes_name,
       done(lambda o: json.loads(o.files["out.json"])["table"] == "caf\\xe9.csv"))
LONG = b"text,label\n" + b"".join(b"%d,c%d\n" % (i, i) for i in range(5000))
attack("a pipe that closes after a line", lambda d: program(put(d, {"t.csv": LONG}), "check",
           "t.csv", shell="| head -1"),
       done(lambda o: "rror" not in o.stderr and o.stdout.count("\n") == 1), quick=False)
attack("a closed pipe, and a report", lambda d: program(put(d, {"t.csv": LONG}), "check", "t.csv",
           "--json", "out.json",
           shell="| true"), done(lambda o: "rror" not
           in o.stderr and "out.json" in o.files))
attack("an output that is closed", lambda d: program(put(d, {"t.csv": ROWS}), "check", "t.csv",
           "--json", "out.json", shell=">&-"),
       done(lambda o: "out.json" in o.files), quick=False)
if os.path.exists("/dev/full"):
    attack("a full disk behind the output", lambda d: program(put(d, {"t.csv": ROWS}), "check",
           "t.csv", "--json", "out.json",
                                                              shell="> /dev/full"),
           lambda o: one_line(o) or ("" if "out.json" in o.files else "no report"), quick=False)
    attack("a full disk behind errors", lambda d: program(d, "check", "none.csv",
           shell="2> /dev/full"),
           done(codes=(2,)))


# Round trips through predict and review

def coded(name: str, files: dict, source: str, output: str, check: Callable[[Path], object],
    *words: str, quick=True):
    "Have `predict` code a table; what it writes must hold the input as it was"
    def apply(folder: Path) -> Outcome:
        put(folder, files)
        found = run(folder, "predict", trained(), "--input", source, "--output", output,
            "--no-progress", *words)
        if found.code == 0 and not check(folder / output): found = replace(found, code=98,
            stderr="not what was read")
        return found
    attack(f"predict: {name}", apply, done(codes=(0,)), quick)


def cells(path: Path, **more) -> list[list[str]]:
    "Read a CSV plainly, header first"
    import csv
    with open(path, newline="", encoding=more.get("encoding", "utf-8-sig")) as f:
        return [row for row in csv.reader(f, delimiter=more.get("delimiter", ","))]


def same(body: str, n: int, **more) -> Callable[[Path], bool]:
    "Make the test whether the first `n` columns of a CSV are those of `body`"
    import csv
    import io
    before = list(csv.reader(io.StringIO(body, newline=""), delimiter=more.get("delimiter", ",")))
    return lambda path: [row[:n] for row in cells(path, **more)] == before


WILD = ('text,id,text,\n"a\rb",007,"x ""y""",\n"line\r\nbreak",1e5,"=1+1"," "\n'
        '😀 rice,NA,"a,b;c",\ufeffz\n'
        '"\tbread",-5,null,"\n"\n')
RAW = {(0, 0): "text", (0, 1): "=n", (1, 0): "rice", (1, 1): "007", (2, 0): "=1+1",
       (2, 1): "a\r\nb"}
TWICE = {(0, 0): "text", (0, 1): "text", (1, 0): "rice", (1, 1): "007"}
coded("breaks, quotes, zeros, formulas, names that are empty or twice", {"t.csv": WILD.encode()},
      "t.csv", "out.csv",
      same(WILD, 4), "--text-col", "id", "--delimiter", ",")
coded("semicolons and letters of Windows", {"t.csv": "text;x\ncafé;1,5\nthé;2\n".encode("cp1252")},
      "t.csv", "out.csv",
      same("text;x\ncafé;1,5\nthé;2\n", 2, delimiter=";"))
coded("row names of R", {"t.csv": b'"text","x"\n"1","rice","a"\n"2","bread","b"\n'}, "t.csv",
      "out.csv",
      same(',text,x\n1,rice,a\n2,bread,b\n', 3))
coded("one column with all delimiters", {"t.csv": b'text\n"a, b; c|d\te"\nrice\x1f\n'}, "t.csv",
      "out.csv",
      same('text\n"a, b; c|d\te"\nrice\x1f\n', 1))
coded("a cell of 200,000 letters", {"t.csv": b"text,x\nrice," + b"y" * 200_000 + b"\n"}, "t.csv",
      "out.tsv",
      lambda p: b"\nrice\t" + b"y" * 200_000 + b"\t" in p.read_bytes())
coded("packed in, packed out", {"t.csv.gz": gzip.compress(b"text,x\nrice,007\n")}, "t.csv.gz",
      "out.csv.gz",
      lambda p: gzip.decompress(p.read_bytes()).startswith(b"text,x,label_1,") and b"rice,007,"
      in gzip.decompress(p.read_bytes()))
coded("a name that stands twice in Excel", {"t.xlsx": lambda p: book(p, TWICE)}, "t.xlsx",
      "out.xlsx", lambda p: False)
ATTACKS[-1] = replace(ATTACKS[-1], expect=refused("two columns 'text'"))
coded("Excel in and out, with zeros, formulas, breaks", {"t.xlsx": lambda p: book(p, RAW)},
      "t.xlsx", "out.xlsx",
      lambda p: [[c.value for c in row][:2] for row in openpyxl.load_workbook(p).active.iter_rows()]
      == [["text", "=n"], ["rice", "007"], ["=1+1", "a_x000D_\nb"]])
coded("no formula in Excel", {"t.csv": b"text,=x\n=1+1,@a\n+rice,-5\n"}, "t.csv", "out.xlsx",
      lambda p: not [c for row in openpyxl.load_workbook(p).active.iter_rows() for c in row
          if c.data_type == "f"])
coded("formulas in a CSV, as they were", {"t.csv": b"text,x\n=1+1,@a\n"}, "t.csv", "out.csv",
      lambda p: b"\n=1+1,@a," in p.read_bytes())
coded("formulas in a safe CSV", {"t.csv": b"text,=x\n=1+1,@a\nrice,b\n"}, "t.csv", "out.csv",
      lambda p: p.read_bytes().startswith(b"text,'=x,") and b"\n'=1+1,'@a," in p.read_bytes()
      and b"\nrice,b," in p.read_bytes(),
      "--safe-csv")

TYPES = pa.table({
    "text": pa.array(["rice", "road works"]), "n": pa.array([None, 2**62], pa.int64()),
    "f": pa.array([float("nan"), None], pa.float32()), "kind": pa.array(["a",
    None]).dictionary_encode(),
    "exact": pa.array([None, 3], pa.decimal128(20, 4)), "raw": pa.array([b"\0\xff", None]),
    "when": pa.array([0, None], pa.timestamp("us", "UTC")), "list": pa.array([[1, None], []],
    pa.list_(pa.field("element", pa.int64()))),
    "__index_level_0__": pa.array(["x", "y"])}).replace_schema_metadata({"r": "A"})


def types_kept(path: Path) -> bool:
    "Tell whether a Parquet file has all columns with their types and values"
    after = pq.read_table(path).select(TYPES.column_names)
    return after.schema.equals(TYPES.schema,
        check_metadata=True) and str(after.to_pylist()) == str(TYPES.to_pylist())


coded("types of Parquet", {"t.parquet": lambda p: pq.write_table(TYPES, p)}, "t.parquet",
      "out.parquet", types_kept)
coded("an index of pandas in Parquet", {"t.parquet": lambda p: pd.DataFrame({"text": ["rice"]},
          index=["x"]).to_parquet(p)},
      "t.parquet", "out.parquet", lambda p: list(pd.read_parquet(p).index) == ["x"])
coded("metadata of Parquet, nested 100,000 deep", {"t.parquet": lambda p: pq.write_table(
          pa.table({"text": ["rice"]}).replace_schema_metadata({"pandas": "[" * 100_000}), p)},
      "t.parquet", "out.parquet",
      lambda p: pq.read_table(p)["text"].to_pylist() == ["rice"])


def unheld(name: str, body: bytes | Callable[[Path], object], output: str, *says: str,
    source: str = "t.csv", quick=True,
           command: str = "predict"):
    "The output cannot hold the table, which is said before the work"
    def apply(folder: Path) -> Outcome:
        put(folder, {source: body})
        words = ("predict", trained(), "--input", source, "--output", output, "--no-progress")
        if command == "review": words = ("review", source, "--out", output)
        import nace_clf.tools.review as reviewing
        from nace_clf.predict import Classifier
        worked, before, judged = [], Classifier.forward_iter, reviewing.out_of_fold
        Classifier.forward_iter = lambda self, texts, *more: (worked.append(1) if texts else None,
            before(self, texts, *more))[1]
        reviewing.out_of_fold = lambda *o, **more: (worked.append(1), judged(*o, **more))[1]
        try: found = run(folder, *words)
        finally: Classifier.forward_iter, reviewing.out_of_fold = before, judged
        return replace(found, code=97, stderr="refused after the work") if worked else found
    attack(f"{command}: {name}", apply, refused(*says), quick)


unheld("a cell too long for Excel", b"text,x\nrice,y\nbread," + b"z" * 40_000 + b"\n", "out.xlsx",
       "row 3, column 'x'", "40,000")
unheld("letters that count twice in Excel", "text\n".encode() + "😀".encode() * 20_000 + b"\n",
       "out.xlsx", "row 2", "40,000")
unheld("too many columns for Excel", b"text," + b",".join(b"c%d" % i for i in range(17_000))
       + b"\nrice" + b"," * 17_000 + b"\n",
       "out.xlsx", "columns")
unheld("too many rows for Excel", b"text\n" + b"rice\n" * 1_048_576, "out.xlsx", "1,048,575",
       quick=False)
unheld("a character that is none in Excel", "text\na\uffffb\n".encode(), "out.xlsx", "FFFF")
unheld("names that stand twice, for Parquet", b"text,x,x\na,b,c\n", "out.parquet",
       "two columns 'x'")
unheld("a zero byte from Parquet to CSV", lambda p: pq.write_table(pa.table({"text": ["rice"],
           "x": ["a\0b"]}), p), "out.csv",
       "row 1, column 'x'", source="t.parquet")
unheld("names that suggestions need", b"text,label_1\na,b\n", "out.csv", "label_1")
unheld("an ending that is not written", ROWS, "out.docx", "out.docx")
unheld("a text too long for Excel", MANY + b"x" * 40_000 + b",A\n", "out.xlsx", "row 42", "40,000",
       command="review")
unheld("a character that is none", MANY + "a\uffffb,A\n".encode(), "out.xlsx", "FFFF",
       command="review")


def reviewed(name: str, output: str, check: Callable[[Path], object], *words: str):
    "Have `review` write suspects with returns and formulas in them"
    def apply(folder: Path) -> Outcome:
        rows = [("rice growing", "=A"), ("road works", "@C")] * 30 + [("rice\rgrowing", "@C"),
            ("=road works", "=A")] * 3
        body = "text,label\n" + "".join(f'"{text} {i}",{label}\n' for i,
            (text, label) in enumerate(rows))
        put(folder, {"t.csv": body.encode()})
        found = run(folder, "review", "t.csv", "--out", output, *words)
        if found.code == 0 and not check(folder / output): found = replace(found, code=98,
            stderr="not what was read")
        return found
    attack(f"review: {name}", apply, done(codes=(0,)))


reviewed("carriage returns", "out.csv", lambda p: len(cells(p)) == 1 + len({row[1] for row
             in cells(p)[1:]}) > 1)
reviewed("no formula in Excel", "out.xlsx", lambda p: not [
    c for row in openpyxl.load_workbook(p).active.iter_rows() for c in row if c.data_type == "f"])
reviewed("formulas in a safe CSV", "out.csv", lambda p: all(row[3][0] == "'" for row
             in cells(p)[1:]), "--safe-csv")


# Files that change, and what stays as it was

def changing(folder: Path) -> Outcome:
    "Write to a table while it is checked"
    import nace_clf.tools.check as checking
    put(folder, {"t.csv": ROWS})
    before = checking.join_texts
    checking.join_texts = lambda *o: (put(folder, {"t.csv": ROWS + b"bread,C\n"}), before(*o))[1]
    try: return run(folder, "check", "t.csv", "--json", "out.json")
    finally: checking.join_texts = before


attack("a table that changes between two reads", changing, refused("t.csv: has changed"))


def limit_of_csv(folder: Path) -> Outcome:
    "Read long fields in eight threads, and look at the limit of `csv` afterwards"
    import csv

    from nace_clf.parts.tables import Table
    put(folder, {"t.csv": b"text,label\n" + b"x" * 200_000 + b",A\n"})
    before = csv.field_size_limit()
    threads = [Thread(target=Table(folder / "t.csv").short_rows) for _ in range(8)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    return Outcome(int(csv.field_size_limit() != before))


attack("the limit of csv, with eight threads", limit_of_csv, lambda o: "it changed" * o.code)
attack("an output that is the input", lambda d: run(put(d, {"t.csv": ROWS}), "check", "t.csv",
           "--json", "t.csv"), refused("t.csv"))
attack("an output in a file", lambda d: run(put(d, {"t.csv": ROWS}), "check", "t.csv", "--json",
           "t.csv/x.json"), refused("is a file"))
attack("an output at an address", lambda d: run(put(d, {"t.csv": ROWS}), "check", "t.csv", "--json",
           "s3://me:hunter2@x/o.json"),
       no_secret(refused()))
