"Everything that must hold; prints a line a check and ends with 'N passed, N failed'"
import filecmp
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

root = Path(__file__).parent.parent
bin = Path(sys.executable).parent
os.environ["PATH"] = f"{bin}{os.pathsep}{os.environ['PATH']}"
results: dict[str, bool] = {}


def sh(*cmd, cwd=root, **kwargs) -> subprocess.CompletedProcess:
    "Run a command, and return its exit code and all that it printed"
    return subprocess.run([str(c) for c in cmd], cwd=cwd, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **kwargs)


def record(name: str, ok: bool, said: str = ""):
    "Note the result of a check, and show what was said if it failed"
    results[name] = ok
    print(("ok      " if ok else "FAILED  ") + name, flush=True)
    if not ok: print(said[-6000:], flush=True)


def pages() -> list[Path]: return sorted((root / "nbs").glob("*.ipynb"))
def all_pages() -> list[Path]: return pages() + sorted((root / "nbs/benchmarks").glob("*.ipynb"))


def copy_of_tree(to: Path) -> Path:
    "Copy what git tracks or would track"
    for name in sh("git", "ls-files", "-co", "--exclude-standard").stdout.splitlines():
        if not (root / name).exists(): continue
        (to / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root / name, to / name, follow_symlinks=False)
    return to


def differences(a: Path, b: Path, folder: str, pattern: str) -> list[str]:
    "List files of `folder` that differ between two trees"
    names = {p.relative_to(t) for t in (a, b) for p in (t / folder).glob(pattern) if ".ipynb_checkpoints" not in p.parts}
    return sorted(str(n) for n in names if not ((a / n).is_file() and (b / n).is_file() and filecmp.cmp(a / n, b / n, shallow=False)))


def check_notebooks():
    "Run every notebook as a test, two at a time with one thread each"
    done = sh("nbdev_test", "--do_print", "--timing", "--n_workers", "2", env={**os.environ, "OMP_NUM_THREADS": "1"})
    print(re.sub(r"^(Starting|- Completed).*\n", "", done.stdout, flags=re.M)[-6000:])
    failed = re.search(r"nbdev Tests Failed On The Following Notebooks:\n=+\n(.*)", done.stdout, re.S)
    for p in pages(): record(f"notebook {p.name}", done.returncode == 0 or bool(failed) and p.name not in failed[1])


def check_sync():
    "Modules are what the notebooks export, and notebooks are clean"
    with tempfile.TemporaryDirectory() as d:
        tree = copy_of_tree(Path(d))
        said = sh("nbdev_export", cwd=tree).stdout
        diff = differences(root, tree, "nace_clf", "*.py") + differences(root, tree, "nbs", "**/*.ipynb")
        record("notebooks and modules are in sync", not diff, f"{said}\ndiffer after nbdev_export: {diff}")
        said = sh("nbdev_clean", cwd=tree).stdout
        diff = differences(root, tree, "nbs", "**/*.ipynb")
        record("notebooks are clean", not diff, f"{said}\ndiffer after nbdev_clean: {diff}")


def check_outputs():
    "Every page shows results, and none shows a traceback"
    bad = []
    for p in all_pages():
        cells = json.loads(p.read_text(encoding="utf-8"))["cells"]
        outputs = [o for c in cells for o in c.get("outputs", [])]
        if not outputs: bad.append(f"{p.name}: no output")
        if any(o["output_type"] == "error" for o in outputs): bad.append(f"{p.name}: an error as output")
        if any("id" not in c for c in cells): bad.append(f"{p.name}: a cell without id")
        bare = [c["id"] for c in cells if "".join(c["source"]).startswith("#| slow\n") and "print" in "".join(c["source"]) and not c["outputs"]]
        if bare: bad.append(f"{p.name}: slow cells without saved output: {bare}")
    record("pages show results", not bad, "\n".join(bad))


def check_pages():
    "Pages process, render, and have no broken link"
    shutil.rmtree(root / "_proc", ignore_errors=True)
    for name, cmd in (("pages process", ("python", ".ci/pages.py")), ("pages render", ("smalldocs", "render", "_proc"))):
        done = sh(*cmd)
        record(name, done.returncode == 0, done.stdout)
    # smalldocs also lists keys that are meant for Quarto and nbdev; those are no broken links
    found = sh("smalldocs", "check", "_proc").stdout
    told = [line for line in found.splitlines() if line.strip() and not re.search(r"is not read by smalldocs$|^format commonmark is not built|^\d+ page\(s\)", line)]
    record("links hold", not told and "page(s)" in found, found)


def check_wheel():
    "The wheel installs into an empty environment, and --help needs none of the heavy libraries"
    with tempfile.TemporaryDirectory() as d:
        tree = copy_of_tree(Path(d) / "src")
        done = sh("python", "-m", "build", "--outdir", Path(d) / "dist", cwd=tree)
        record("the wheel builds", done.returncode == 0, done.stdout)
        venv.create(Path(d) / "empty", with_pip=True)
        wheel, empty = next((Path(d) / "dist").glob("*.whl"), ""), Path(d) / "empty/bin"
        done = sh(empty / "pip", "install", "-q", "-c", root / "constraints.txt", "typer", "pyyaml")
        done = sh(empty / "pip", "install", "-q", "--no-deps", wheel) if done.returncode == 0 else done
        said = sh(empty / "nace-clf", "--help", cwd=d) if done.returncode == 0 else done
        record("nace-clf --help runs from the wheel, without torch or pandas", said.returncode == 0 and "train" in said.stdout, said.stdout)
    done = sh("python", "-m", "pip", "check")
    record("requirements fit together", done.returncode == 0, done.stdout)


def check_readme():
    "README.md is what index.ipynb says"
    done = sh("python", ".ci/readme.py", "--check")
    record("README equals index.ipynb", done.returncode == 0, done.stdout)


if __name__ == "__main__":
    for check in (check_sync, check_outputs, check_readme, check_pages, check_wheel, check_notebooks):
        try: check()
        except Exception as e: record(check.__name__, False, f"{type(e).__name__}: {e}")
    failed = sum(not ok for ok in results.values())
    print(f"{len(results) - failed} passed, {failed} failed")
    sys.exit(bool(failed))
