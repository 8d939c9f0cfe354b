"""Process the notebooks into pages under _proc, for Quarto and for smalldocs

As nbdev_docs does before it calls Quarto, but README.md is left alone (.ci/readme.py makes it), and
links of names are ours: a name in backticks leads to the page that defines it, unless it stands in
a link already or more than one page defines it, and "source" leads to the module of the page."""
import ast
import os
import re
from collections import Counter
from pathlib import Path

import nbdev.processors
import nbdev.serve
import nbdev.showdoc
from nbdev.doclinks import NbdevLookup
from nbdev.quarto import refresh_quarto_yml

root = Path(__file__).resolve().parent.parent
COMMANDS = "nace_clf.cli"  # its functions are commands, named after what they call
LINK = re.compile(r"(\[[^\]]*\]\([^)]*\))")
EXPORT = re.compile(r"^#\s*\|\s*exporti?\s*$", re.M)
HIDDEN = re.compile(r"^#\s*\|\s*(?:hide\s*$|default_exp|include:\s*false)", re.M)
NAME = re.compile(r"`([A-Za-z]\w*(?:\.[a-z]\w*)?)(?:\(\))?`")


def modules() -> dict:
    "Read what nbdev has noted about the names of the package, and the settings of the project"
    text = (root / "nace_clf/_modidx.py").read_text(encoding="utf-8")
    return ast.literal_eval(text.partition("d = ")[2])


def sources() -> dict[str, Path]: # page: notebook; nbdev drops the number of a notebook
    "Map addresses of pages, as nbdev notes them, to notebooks"
    found = {}
    for path in (root / "nbs").glob("**/*.ipynb"):
        here = path.relative_to(root / "nbs")
        name = re.sub(r"^\d+[a-zA-Z0-9]*_", "", here.name.lower())
        found[here.with_name(name).with_suffix(".html").as_posix()] = here
    return found


class Names(NbdevLookup):
    "Where names of the package are explained and where they are written, as seen from a page"
    def __init__(self, nb):
        index = modules()
        self.syms, self.aliases = {}, {}
        page = Path(nb.path_).resolve().relative_to(root / "nbs")
        said = "\n".join(c.source for c in nb.cells if c.cell_type == "code")
        export = re.search(r"^#\s*\|\s*default_exp\s+(\S+)", said, re.M)
        own = f"nace_clf.{export[1]}" if export else ""
        base = f"{index['settings']['git_url']}/blob/{index['settings']['branch']}/"
        for module in sorted(index["syms"], key=lambda m: m != own):
            for full, (address, path) in index["syms"][module].items():
                name = full.removeprefix(f"{module}.")
                self.syms.setdefault(name, (address, path, base + path))
        found = [(full.removeprefix(f"{module}."), address, module)
                 for module, names in index["syms"].items() if module != COMMANDS
                 for full, (address, _) in names.items()]
        times = Counter(name for name, *_ in found)
        notebooks = sources()
        self.pages = {}
        for name, address, module in found:
            if times[name] > 1 or module == own: continue
            there = os.path.relpath(notebooks[address.partition("#")[0]], page.parent)
            anchor = name.partition(".")[0].lower()  # methods stand under their class
            self.pages[name] = f"{Path(there).as_posix()}#{anchor}"

    def link_line(self, line: str) -> str: return line  # docstrings name parameters in backticks

    def linkify(self, text: str) -> str:
        "Put links on names in the lines of `text` that are prose"
        lines, fenced = text.splitlines(), False
        for i, line in enumerate(lines):
            if line.lstrip().startswith("```"): fenced = not fenced
            if fenced or line.startswith(("    ", "#", "<", "```")): continue
            parts = LINK.split(line)
            parts[::2] = [NAME.sub(self._linked, part) for part in parts[::2]]
            lines[i] = "".join(parts)
        return "\n".join(lines)

    def _linked(self, found: re.Match) -> str:
        "Put a link on a name in backticks, if it is not a plain word such as that of a command"
        name = found[1]
        word = name.islower() and "_" not in name and not found[0].endswith("()`")
        address = None if word else self.pages.get(name)
        return f"[{found[0]}]({address})" if address else found[0]


def announced(nb) -> list:
    "List the exported cells that a sentence announces and that define no public name"
    cells = [c for c in nb.cells if c.cell_type == "markdown" or not HIDDEN.search(c.source)]
    found = []
    for before, cell in zip(cells, cells[1:]):
        led = before.cell_type == "markdown" and before.source.rstrip().endswith(":")
        if not led or cell.cell_type != "code" or not EXPORT.search(cell.source): continue
        defined = [n.name for n in ast.parse(cell.source).body if hasattr(n, "name")]
        if all(name.startswith("_") for name in defined): found.append(cell)
    return found


def fold(cell):
    "Fold what nbdev shows of exported source"
    if cell.cell_type == "code":
        cell.source = cell.source.replace("#| code-fold: show\n", "#| code-fold: true\n", 1)


class Pages(nbdev.processors.FilterDefaults):
    "nbdev's processors, with our links; source that has no signature to show is shown folded"
    def __call__(self, nb):
        names = Names(nb)
        nbdev.processors.NbdevLookup = nbdev.showdoc.NbdevLookup = lambda: names
        for cell in announced(nb): cell.source = EXPORT.sub("#| exports", cell.source, count=1)
        super().__call__(nb)

    def base_procs(self) -> list: return [*super().base_procs(), fold]


if __name__ == "__main__":
    import pages  # under a name that nbdev's processes find too
    nbdev.serve.FilterDefaults = pages.Pages
    refresh_quarto_yml()
    print(nbdev.serve.proc_nbs(n_workers=2))
