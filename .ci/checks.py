"""Everything that must hold: python .ci/checks.py [NAME ...]

Prints a line a check and ends with 'N passed, N failed'. All runs in a copy of the tree, since
nbdev skips what lies below a folder whose name begins with . or _."""
import ast
import filecmp
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import venv
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import readme
import warm
import yaml

root = Path(__file__).resolve().parent.parent
os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
results: dict[str, bool] = {}
FLOORS = ("parts", "", "tools")  # folders of nbs, from the ground up; "" are the chapters
WIDEST = {"exported": 100, "shown": 80, "hidden": 120}  # columns of a line, by kind of cell
LARGEST = 2**20  # bytes of a file
MOST = {"words": 3500, "lines of code": 900}  # that are read from the index to the real training
REGISTRY = re.compile(r"pypi\.org|pythonhosted\.org|npmjs\.(?:com|org)|unpkg\.com|jsdelivr\.net")
LIGHT = ("typer", "pyyaml", "pydantic", "filelock")  # what `nace-clf --help` may import
# smalldocs also lists keys that are meant for Quarto and nbdev; those are no broken links
FOREIGN = re.compile(r"is (not read by smalldocs|ignored)$|^format commonmark is not built"
                     r"|^\d+ page\(s\)")


def sh(*cmd, cwd=root, env: dict | None = None) -> subprocess.CompletedProcess:
    "Run a command, and return its exit code and all that it printed"
    return subprocess.run([str(c) for c in cmd], cwd=cwd, env=env, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def record(name: str, ok: bool, said: str | list[str] = ""):
    "Note the result of a check, and show what was said if it failed"
    results[name] = ok
    print(("ok      " if ok else "FAILED  ") + name, flush=True)
    if isinstance(said, list): said = "\n".join([*said, f"{len(said)} in all"])
    if not ok: print(said[-6000:], flush=True)


# The tree

def clean_folder() -> Path:
    "Make a temporary folder that nbdev does not skip"
    for base in (tempfile.gettempdir(), "/var/tmp", "/tmp", "/dev/shm", Path.home(), root.anchor):
        base = Path(base).resolve()
        if any(re.match(r"[._]", part) for part in base.parts) or not os.access(base, os.W_OK):
            continue
        return Path(tempfile.mkdtemp(prefix="nace_clf_", dir=base))
    sys.exit("nbdev skips folders whose name begins with . or _: set TMPDIR to another place")


def tracked() -> list[str]:
    "List what git tracks or would track"
    names = sh("git", "ls-files", "-coz", "--exclude-standard").stdout.split("\0")
    return sorted({n for n in names if n and (root / n).exists()})


def copy_of_tree(to: Path) -> Path:
    "Copy what git tracks or would track"
    for name in tracked():
        (to / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root / name, to / name, follow_symlinks=False)
    return to


def changed(tree: Path, folder: str, pattern: str) -> list[str]:
    "List files of `folder` that differ between the clone and `tree`"
    found = {p.relative_to(t) for t in (root, tree) for p in (t / folder).glob(pattern)}
    names = [n for n in found if not {".ipynb_checkpoints", "__pycache__"} & set(n.parts)]
    _, differ, missing = filecmp.cmpfiles(root, tree, names, shallow=False)
    return sorted(map(str, [*differ, *missing]))


# The notebooks

def name_of(page: Path) -> str: return page.relative_to(root / "nbs").as_posix()
def source(cell: dict) -> str: return "".join(cell["source"])
def cells_of(page: Path) -> list[dict]: return json.loads(page.read_text(encoding="utf-8"))["cells"]


def floor(folder: str) -> list[Path]:
    "List the notebooks of a floor in the order of their numbers"
    return sorted((root / "nbs" / folder).glob("[0-9]*.ipynb"))


def pages() -> list[Path]:
    "List the notebooks that are tested: the unnumbered ones of `nbs`, and the floors"
    return sorted((root / "nbs").glob("[!0-9]*.ipynb")) + [p for f in FLOORS for p in floor(f)]


def all_pages() -> list[Path]: return pages() + sorted((root / "nbs/benchmarks").glob("*.ipynb"))


def has_code(page: Path) -> bool: return any(c["cell_type"] == "code" for c in cells_of(page))


def shows_last(cell: dict) -> bool:
    "Tell whether a cell that the page shows ends in an expression, whose value is its output"
    if cell["cell_type"] != "code" or kind_of(cell) != "shown": return False
    end = ast.parse(source(cell)).body[-1:]
    silent = ("set_option", "rmtree")  # expressions without a value
    return (bool(end) and isinstance(end[0], ast.Expr)
            and not any(name in ast.unparse(end[0]) for name in silent))


def draws(cell: dict) -> bool:
    "Tell whether a cell has a picture as output that the page shows"
    hidden = re.search(r"^#\s*\|\s*hide\b", source(cell), re.M)
    return not hidden and any("image/png" in o.get("data", {}) for o in cell.get("outputs", []))


def lead_of(page: Path) -> str:
    "Read the first Markdown cell of a page"
    return next((source(c) for c in cells_of(page) if c["cell_type"] == "markdown"), "")


def module_of(page: Path) -> str:
    "Read which module of the package a notebook exports; empty if none"
    said = "\n".join(source(c) for c in cells_of(page) if c["cell_type"] == "code")
    found = re.search(r"^#\s*\|\s*default_exp\s+(\S+)", said, re.M)
    return found[1] if found else ""


def kind_of(cell: dict) -> str:
    "Tell whether a code cell is exported, shown or hidden"
    text = source(cell)
    if re.search(r"^#\s*\|\s*exporti?s?\b", text, re.M): return "exported"
    hidden = re.search(r"^#\s*\|\s*(hide\b|(include|echo):\s*false|default_exp)", text, re.M)
    return "hidden" if hidden else "shown"


def code_cells(page: Path) -> Iterator[tuple[str, dict, list[ast.AST]]]:
    "Go through the code cells of a page: their place, cell and syntax nodes"
    for cell in cells_of(page):
        if cell["cell_type"] != "code": continue
        text = "" if source(cell).startswith("%%") else source(cell)  # of a shell
        text = re.sub(r"^(\s*)[!%].*$", r"\1pass", text, flags=re.M)
        yield f"{name_of(page)} {cell.get('id')}", cell, list(ast.walk(ast.parse(text)))


def way_to_training() -> list[dict]:
    "List the cells from the index to the first real training, without the tour"
    first = [p for p in floor("") if p.name <= "04_train.ipynb"]
    cells = [c for page in (root / "nbs/index.ipynb", *first) for c in cells_of(page)]
    runs = [i for i, c in enumerate(cells) if re.search(r"^trainer = train\(", source(c), re.M)]
    return cells[:runs[0] + 1]


def words_and_lines(cells: list[dict]) -> tuple[int, int]:
    "Count the words of prose that a page shows, and its lines of code, in text cells too"
    prose = "\n".join(source(c) for c in cells if c["cell_type"] == "markdown")
    fenced = re.findall(r"^```.*?^```", prose, re.M | re.S)
    for tail in (r"^```.*?^```", r"<[^>]+>", r"(?<=\])\([^)]*\)"):  # code, tags, addresses
        prose = re.sub(tail, " ", prose, flags=re.M | re.S)
    code = [source(c) for c in cells if c["cell_type"] == "code" and kind_of(c) != "hidden"]
    lines = [line for text in (*code, *fenced) for line in text.splitlines() if line.strip()]
    return (len(re.findall(r"[\w'’-]+", prose)),
            sum(not line.startswith(("#|", "```")) for line in lines))


# The checks

def check_sync(tree: Path):
    "Modules are what the notebooks export, and notebooks are clean"
    said = sh("nbdev_export", cwd=tree).stdout
    diff = changed(tree, "nace_clf", "**/*.py") + changed(tree, "nbs", "**/*.ipynb")
    record("notebooks and modules are in sync", not diff, [said, *diff])
    said = sh("nbdev_clean", cwd=tree).stdout
    diff = changed(tree, "nbs", "**/*.ipynb")
    record("notebooks are clean", not diff, [said, *diff])


def wide_lines(module: Path) -> list[str]:
    "List the lines of a module that are too long, but for what nbdev lists in its own way"
    if module.name == "_modidx.py": return []
    text = re.sub(r"^__all__ = \[.*?\]$", "", module.read_text(encoding="utf-8"), flags=re.M | re.S)
    found = [line for line in text.splitlines() if len(line) > WIDEST["exported"]]
    return [f"{module.parent.name}/{module.name}: {line}" for line in found]


def check_lint(tree: Path):
    "Line length, unused names and order of imports, by ruff; lines of cells by their kind"
    options = ("--config", ".ci/ruff.toml", "--no-cache", "--output-format", "concise")
    done = sh("ruff", "check", *options, "nace_clf", "nbs", ".ci", "setup.py", cwd=tree)
    record("ruff finds nothing", done.returncode == 0, done.stdout)
    wide, stars = [], []
    for page in all_pages():
        for at, cell, nodes in code_cells(page):
            kind = kind_of(cell)
            lines = [s for s in source(cell).splitlines() if not s.startswith("#| fig-alt:")]
            over = [len(line) for line in lines if len(line) > WIDEST[kind]]
            wide += [f"{at}: {n} columns, {kind} cells have {WIDEST[kind]}" for n in over]
            froms = [n for n in nodes if isinstance(n, ast.ImportFrom) and n.names[0].name == "*"]
            odd = [n for n in froms if n.module != "fastcore.test" or kind != "hidden"]
            stars += [f"{at}: import * of {n.module}" for n in odd]
    record("lines of cells are not too long", not wide, wide)
    wide = [at for path in sorted(tree.glob("nace_clf/**/*.py")) for at in wide_lines(path)]
    record("lines of modules are not too long", not wide, wide)
    record("import * is of fastcore.test, hidden", not stars, stars)


RANDOM = {"rand", "randn", "randint", "randperm", "bernoulli", "Linear", "from_config"}  # torch's


def check_seeds(tree: Path):
    "No test draws other numbers each time: torch seeds itself by chance where nobody does"
    found = []
    for page in pages():
        seeded = False
        for at, cell, nodes in code_cells(page):
            seeded |= "manual_seed(" in source(cell)
            if seeded or kind_of(cell) == "exported": continue
            calls = [getattr(n.func, "attr", getattr(n.func, "id", "")) for n in nodes
                     if isinstance(n, ast.Call)]
            found += [f"{at}: {name}, and no manual_seed before it" for name in calls
                      if name in RANDOM]
    record("random numbers of tests are seeded", not found, found)


def floors() -> list[list[str]]: # parts, chapters, tools, what lies above them
    "List the modules of each floor in the order of their notebooks"
    parts, chapters, tools = ([m for p in floor(f) if (m := module_of(p))] for f in FLOORS)
    above = sorted((m for m in tools if "." not in m), key=lambda m: m == "cli")
    # the command line is above all, whatever its number: it holds groups of commands made later
    return [parts, chapters, [m for m in tools if "." in m], above]


def contract(name: str, within: str, layers: list[str]) -> str:
    "Write one of import-linter's contracts; the top layer comes first"
    lines = [f"[importlinter:contract:{name}]", f"name = {name} import downwards",
             "type = layers", f"containers = {within}", "exhaustive = True",
             "exhaustive_ignores =", "    _modidx", "    desk",  # migrations and templates
             "layers =", *(f"    {layer}" for layer in layers)]
    return "\n".join([*lines, ""])


def contracts() -> str:
    "Write import-linter's contracts: the floors, and within each the numbers of its notebooks"
    parts, chapters, tools, top = (names[::-1] for names in floors())
    inner = {"parts": parts, "tools": tools}
    own = [contract(f, f"nace_clf.{f}", [n.partition(".")[2] for n in names])
           for f, names in inner.items()]
    house = contract("floors", "nace_clf", [*top, "tools", *chapters, "parts"])
    return "\n".join(["[importlinter]\nroot_package = nace_clf\n", house, *own])


def imported(nodes: list[ast.AST], modules: list[str]) -> list[str]:
    "List those of `modules` that a cell imports"
    names = {a.name for n in nodes if isinstance(n, ast.Import) for a in n.names}
    for n in nodes:
        if not isinstance(n, ast.ImportFrom): continue
        names |= {n.module, *(f"{n.module}.{a.name}" for a in n.names)}
    return [m for m in modules if f"nace_clf.{m}" in names]


def check_floors(tree: Path):
    "Imports go down: parts <- chapters <- tools <- cli, and within a floor to lower numbers"
    config = tree / "importlinter.ini"
    config.write_text(contracts(), encoding="utf-8")
    done = sh("lint-imports", "--no-cache", "--no-logo", config, cwd=tree)
    config.unlink()
    record("modules import downwards", done.returncode == 0, done.stdout)
    order = [m for names in floors() for m in names]
    up = []
    for page in pages():
        mine = module_of(page)
        above = order[order.index(mine) + 1:] if mine else []
        for at, _, nodes in code_cells(page):
            up += [f"{at}: imports {m}" for m in imported(nodes, above)]
    record("notebooks import downwards, tests too", not up, up)


def dangling(page: Path) -> list[str]:
    "List the sentences of a page that end in a colon and have nothing after them on the site"
    cells = [c for c in cells_of(page) if c["cell_type"] == "markdown" or kind_of(c) != "hidden"
             or "#| echo: false" in source(c)]
    after = [c["cell_type"] for c in cells[1:]] + ["none"]
    return [f"{name_of(page)} {cell['id']}: ...{source(cell).rstrip()[-50:]}"
            for cell, kind in zip(cells, after)
            if cell["cell_type"] == "markdown" and source(cell).rstrip().endswith(":")
            and kind != "code"]


def check_outputs(tree: Path):
    "Every page shows results, and none shows a traceback"
    bad = []
    for p in all_pages():
        cells = cells_of(p)
        outputs = [o for c in cells for o in c.get("outputs", [])]
        slow = [c for c in cells if source(c).startswith("#| slow\n") and "print" in source(c)]
        if p.parent.name == "benchmarks": slow += [c for c in cells if shows_last(c)]
        bare = [c["id"] for c in slow if not c["outputs"]]
        if not outputs and has_code(p): bad.append(f"{name_of(p)}: no output")
        if any(o["output_type"] == "error" for o in outputs):
            bad.append(f"{name_of(p)}: an error as output")
        if any("id" not in c for c in cells): bad.append(f"{name_of(p)}: a cell without id")
        if bare: bad.append(f"{name_of(p)}: cells without saved output: {bare}")
    record("pages show results", not bad, bad)
    silent = [f"{name_of(p)} {c['id']}" for p in all_pages() for c in cells_of(p)
              if draws(c) and kind_of(c) != "exported" and "#| fig-alt:" not in source(c)]
    found = [at for p in all_pages() for at in dangling(p)]
    record("what a colon announces is shown", not found, found)
    read = dict(zip(MOST, words_and_lines(way_to_training())))
    long = [f"{n:,} {what}, at most {MOST[what]:,}" for what, n in read.items() if n > MOST[what]]
    record("a first reader is at the real training soon", not long, long)
    record("every picture has a text for those who do not see it", not silent, silent)


def check_files(tree: Path):
    "No file is large, and packages are named, not linked by a registry's address"
    large, linked = [], []
    for name in tracked():
        data = (root / name).read_bytes()
        measured = name.startswith("nbs/benchmarks/") and name.endswith(".json")
        if len(data) > LARGEST and not measured: large.append(f"{name}: {len(data):,} bytes")
        if name.startswith(".github/"): continue
        found = REGISTRY.findall(data.decode("utf-8", errors="replace"))
        linked += [f"{name}: {address}" for address in found]
    record("no file is large", not large, large)
    record("no address of a package registry", not linked, linked)


def listed(entries: list) -> list[str]:
    "List the pages of entries of a sidebar, and of the sections in them"
    found = []
    for entry in entries:
        if isinstance(entry, str): found.append(entry)
        else: found += listed(entry["contents"]) if "contents" in entry else [entry["href"]]
    return found


def leads_on(name: str, then: str) -> bool:
    "Tell whether a page ends with a link to the one that is `then` in the sidebar"
    said = [source(c) for c in cells_of(root / "nbs" / name) if c["cell_type"] == "markdown"][-1]
    title = lead_of(root / "nbs" / then).splitlines()[0].removeprefix("# ").strip()
    return f"Next: [{title}]({os.path.relpath(then, Path(name).parent)})" in said


def check_readme(tree: Path):
    "README, tables of rooms and sidebar are what the notebooks say; every page is in the sidebar"
    done = sh("python", ".ci/readme.py", "--check")
    record("README, tables of rooms and sidebar are up to date", done.returncode == 0, done.stdout)
    broken = []
    for name in ("README.md", "CONTRIBUTING.md"):
        text = (root / name).read_text(encoding="utf-8")
        links = re.findall(r"\]\(([^):#]+)(?:#[^)]*)?\)", text)
        broken += [f"{name}: {link}" for link in links if not (root / link).exists()]
    links = re.findall(r"\]\(([^)#]+\.html)", (root / "README.md").read_text(encoding="utf-8"))
    pages_there = {readme.page_address(name_of(p)) for p in all_pages()}
    broken += [f"README.md: {link}" for link in links if link not in pages_there]
    record("links of README and CONTRIBUTING hold", not broken, broken)
    site = yaml.safe_load((root / "_quarto.yml").read_text(encoding="utf-8"))["website"]
    names, there = listed(site["sidebar"]["contents"]), [name_of(p) for p in all_pages()]
    odd = sorted(n for n in {*names, *there} if names.count(n) != 1 or n not in there)
    record("the sidebar has every page once", not odd, odd)
    apart = [f"{a} -> {b}" for a, b in pairwise(names) if not leads_on(a, b)]
    record("pages lead on in the order of the sidebar", not apart, apart)
    # in a cell of their own: nbdev makes it front matter, and drops what else it holds
    lead = re.compile(r"# \S.*\n+(> \S.*\n*)+")
    bare = [name_of(p) for p in all_pages() if not lead.fullmatch(lead_of(p))]
    record("every page begins with a cell of title and purpose", not bare, bare)


def check_pages(tree: Path):
    "Pages process, render, and have no broken link"
    steps = {"process": ("python", ".ci/pages.py"), "render": ("smalldocs", "render", "_proc")}
    for step, cmd in steps.items():
        done = sh(*cmd, cwd=tree)
        record(f"pages {step}", done.returncode == 0, done.stdout)
    found = sh("smalldocs", "check", "_proc", cwd=tree).stdout
    told = [line for line in found.splitlines() if line.strip() and not FOREIGN.search(line)]
    count = re.search(r"^(\d+) page\(s\)", found, re.M)
    whole = bool(count) and int(count[1]) == len(all_pages())
    told.append(f"{count[1] if count else 0} pages of {len(all_pages())}")
    record("links hold", whole and len(told) == 1, told)


def check_wheel(tree: Path):
    "The wheel has all files, installs into an empty environment, and --help needs little"
    env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    with tempfile.TemporaryDirectory() as d:
        src, dist, empty = (Path(d) / name for name in ("src", "dist", "empty"))
        done = sh("python", "-m", "build", "--outdir", dist, cwd=copy_of_tree(src), env=env)
        record("the wheel builds", done.returncode == 0, done.stdout)
        wheel = next(dist.glob("*.whl"))
        packed = zipfile.ZipFile(wheel).namelist()
        missing = [n for n in tracked() if n.startswith("nace_clf/") and n not in packed]
        record("the wheel has every module and template", not missing, missing)
        venv.create(empty, with_pip=True)
        pip = (empty / "bin/pip", "install", "-q")
        for cmd in ((*pip, "-c", root / "constraints.txt", *LIGHT), (*pip, "--no-deps", wheel),
                    (empty / "bin/nace-clf", "--help")):
            done = sh(*cmd, cwd=d, env=env)
            if done.returncode: break
        ok = done.returncode == 0 and "train" in done.stdout
        record("nace-clf --help runs from the wheel, without torch or pandas", ok, done.stdout)
    done = sh("python", "-m", "pip", "check", env=env)
    record("requirements fit together", done.returncode == 0, done.stdout)


def check_fold(tree: Path):
    "What a reader may skip is folded in JupyterLab"
    done = sh("python", ".ci/fold.py", "--check")
    record("tests and drawings are folded in JupyterLab", done.returncode == 0, done.stdout)


def check_notebooks(tree: Path, *others: str):
    "Run the tutorial as a reader does, notebooks as tests, and `others`: two at a time"
    orders = orders_of_readers()
    os.environ["OMP_NUM_THREADS"] = "1"
    with ThreadPoolExecutor(2) as pool:
        for name in others: pool.submit(run, name)
        read = {order: pool.submit(run_all, tree, order, names)  # the longest first
                for order, names in orders.items()}
        alone = [p for p in pages() if has_code(p) and name_of(p) not in sum(orders.values(), [])]
        large_first = sorted(alone, key=lambda p: -p.stat().st_size)
        tested = pool.map(lambda page: warm.test(name_of(page), tree), large_first)
        for page, done in zip(large_first, tested):
            seconds = re.search(r": (\d+) secs", done.stdout)
            name = f"notebook {name_of(page)}" + (f", {seconds[1]} s" if seconds else "")
            # nbdev_test also ends well where it finds nothing to test
            record(name, done.returncode == 0 and "Success." in done.stdout, done.stdout)
        for order, found in read.items():
            done, wrote = found.result()
            record(f"Run All, {order}", done.returncode == 0, done.stdout)
            record(f"Run All, {order}, leaves the package as it is", not wrote, wrote)


def orders_of_readers() -> dict[str, list[str]]:
    "List the tutorial in reading order: the tour, the chapters, and the index with what they made"
    return {"the tutorial": ["tour.ipynb", *map(name_of, floor("")), "index.ipynb"]}


def run_all(
    tree: Path, order: str, names: list[str]
) -> tuple[subprocess.CompletedProcess, list[str]]:
    "Run All of a reader in a fresh copy, slow cells included; which modules did it write?"
    env = {k: v for k, v in os.environ.items() if k != "IN_TEST"} | {"OMP_NUM_THREADS": "1"}
    copy = copy_of_tree(tree / order.replace(" ", "_"))
    done = sh(sys.executable, ".ci/run_all.py", copy / "cache",
              *(copy / "nbs" / name for name in names), cwd=copy,
              env={**env, "PYTHONPATH": str(copy)})
    wrote = changed(copy, "nace_clf", "**/*.py")
    shutil.rmtree(copy)
    return done, wrote


def check_hard(tree: Path):
    "Bad luck and people who mean harm end in one line; the quick form of `make hard`"
    done = sh(sys.executable, ".ci/hard", "--quick", cwd=tree)
    said = [line for line in done.stdout.splitlines() if not line.startswith("Writing model")]
    record("the attacks of .ci/hard", done.returncode == 0, "\n".join(filter(None, said)))


def check_desk(tree: Path):
    "People code with the desk in a browser: from the keyboard, blind, in French, on a phone"
    done = sh(sys.executable, ".ci/desk.py", cwd=tree)
    record("the desk in a browser", done.returncode == 0, done.stdout)


CHECKS = {c.__name__.removeprefix("check_"): c for c in (
    check_sync, check_lint, check_seeds, check_floors, check_outputs, check_files, check_readme,
    check_pages, check_fold, check_wheel, check_hard, check_desk, check_notebooks)}


def run(name: str, *others: str):
    "Run the check `name` on `tree`, and `others` beside it"
    try: CHECKS[name](tree, *others)
    except Exception as e: record(f"check {name}", False, f"{type(e).__name__}: {e}")


if __name__ == "__main__":
    unknown = set(sys.argv[1:]) - set(CHECKS)
    if unknown: sys.exit(f"no checks: {', '.join(unknown)}; there are: {', '.join(CHECKS)}")
    tree = clean_folder()
    try:
        copy_of_tree(tree)
        os.environ["PYTHONPATH"] = str(tree)  # the copy is imported, not what is installed
        names = sys.argv[1:] or list(CHECKS)
        if "sync" in names: run("sync")  # alone, since it writes modules
        with ThreadPoolExecutor(1) as beside:
            wheel = [beside.submit(run, name) for name in names if name == "wheel"]
            late = [name for name in names if name in ("hard", "desk")]  # minutes of one core
            for name in names:
                if name not in ("sync", "wheel", "hard", "desk", "notebooks"): run(name)
            for done in wheel: done.result()
        if "notebooks" in names: run("notebooks", *late)
        else: [run(name) for name in late]
    finally: shutil.rmtree(tree, ignore_errors=True)
    failed = sum(not ok for ok in results.values())
    print(f"{len(results) - failed} passed, {failed} failed")
    sys.exit(bool(failed))
