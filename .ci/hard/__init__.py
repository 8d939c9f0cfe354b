"What is done to the package by bad luck and by people who mean harm, and what must come of it"
import atexit
import io
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pathlib import Path

LONGEST = {True: 300, False: 3000}  # seconds an attack may take, quick ones and others


@dataclass(frozen=True)
class Outcome:
    "What a command did"
    code: int # exit code
    stdout: str = ""
    stderr: str = ""
    files: dict[str, bytes] = field(default_factory=dict) # what it left, by name


def one_line(found: Outcome) -> str:
    "Say what is wrong unless a command ended with exit code 2 and one line"
    lines = [line for line in found.stderr.splitlines() if line.startswith("nace-clf: ")]
    if "Traceback" in found.stderr: return f"a traceback: {found.stderr[-600:]}"
    if found.code != 2: return f"exit code {found.code}: {(found.stdout + found.stderr)[-300:]}"
    if len(lines) != 1: return f"{len(lines)} lines: {found.stderr[-300:]}"
    if len(lines[0]) > 1000: return f"a line of {len(lines[0])} characters"
    if "\x1b" in found.stderr: return "an escape sequence reaches the terminal"
    return f"it answers all the same: {found.stdout[:300]}" if found.stdout.strip() else ""


@dataclass(frozen=True)
class Attack:
    "Something that is done, and what must come of it"
    name: str
    area: str # "tables", "folders", "training", ...
    run: Callable[[Path], Outcome] # in an empty folder of its own
    expect: Callable[[Outcome], str] = one_line # says what is wrong; "" if nothing is
    quick: bool = True # part of the quick form


@cache
def scratch() -> Path:
    "Make a folder for what several attacks use, until the process ends"
    folder = Path(tempfile.mkdtemp(prefix="hard-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def in_process(*words: object) -> Outcome:
    "Run `nace-clf` with `words` in this process"
    from nace_clf.cli import main
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try: code = main([str(word) for word in words])
        except SystemExit as e: code = e.code if isinstance(e.code, int) else 1
        except BaseException:
            import traceback
            traceback.print_exc(file=sys.stderr)
            code = 1
    return Outcome(code, out.getvalue(), err.getvalue())


@cache
def attacks() -> dict[str, Attack]:
    "List the attacks by area and name"
    areas = sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py"))
    found = [attack for area in areas for attack in import_module(f"hard.{area}").ATTACKS]
    named = {f"{attack.area}: {attack.name}": attack for attack in found}
    if len(named) < len(found): raise RuntimeError("two attacks have the same name")
    return named


class TooLong(BaseException):
    "An attack hangs; no OSError as TimeoutError is, which the package would put in one line"


def too_long(*_: object):
    "End an attack that hangs"
    raise TooLong("it hangs")


def tried(name: str) -> str:
    "Run the attack `name`, and say what is wrong"
    attack = attacks()[name]
    with tempfile.TemporaryDirectory(prefix="hard-", ignore_cleanup_errors=True) as tmp:
        signal.signal(signal.SIGALRM, too_long)
        signal.alarm(LONGEST[attack.quick])
        try: return attack.expect(attack.run(Path(tmp)))
        except (Exception, TooLong) as e: return f"{type(e).__name__}: {e}"
        finally: signal.alarm(0)
