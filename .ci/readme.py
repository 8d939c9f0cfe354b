"""What is made from the notebooks: python .ci/readme.py [--check]

The tables of rooms in nbs/index.ipynb, nbs/reading.ipynb and CONTRIBUTING.md, the sidebar in
_quarto.yml, and README.md, which is nbs/index.ipynb as Markdown (without Quarto), with links that
hold anywhere."""
import json
import re
import sys
from configparser import ConfigParser
from pathlib import Path

import nbformat
from nbconvert import MarkdownExporter

root = Path(__file__).resolve().parent.parent
FOLDERS = {"tutorial": "", "tools": "tools", "parts": "parts"}  # by their names in the marks
LISTS = ("nbs/index.ipynb", "nbs/reading.ipynb")  # pages with tables of rooms
HIDDEN = re.compile(r"^#\s*\|\s*(hide|include:\s*false)\b", re.M)


def room(path: Path) -> tuple[str, str, str, str]: # address, title, purpose, module
    "Read the first lines of a notebook, and what it exports"
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    lead = next(("".join(c["source"]) for c in cells if c["cell_type"] == "markdown"), "")
    title, _, rest = lead.removeprefix("# ").partition("\n")
    lines = rest.strip().split("\n\n")[0].splitlines()
    purpose = " ".join(line.removeprefix("> ") for line in lines).replace("|", "\\|")
    code = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "code")
    module = re.search(r"^#\s*\|\s*default_exp\s+(\S+)", code, re.M)
    href = path.relative_to(root / "nbs").as_posix()
    return href, title.strip(), purpose, module[1] if module else ""


def rooms(floor: str) -> list[tuple[str, str, str, str]]:
    "List the rooms of a floor, those that are no module first: guides before machinery"
    found = [room(p) for p in sorted((root / "nbs" / FOLDERS[floor]).glob("[0-9]*.ipynb"))]
    return sorted(found, key=lambda o: bool(o[-1]))


def page_rows(floor: str) -> str:
    "Write the table of a page that lists rooms"
    rows = [f"| [{title}]({href}) | {purpose} |" for href, title, purpose, _ in rooms(floor)]
    return "\n".join(["", "| page | what it is about |", "| --- | --- |", *rows, ""])


def module_rows(floor: str) -> str:
    "Write the table of CONTRIBUTING.md"
    rows = [f"| [{title}](nbs/{href}) | {f'`{module}`' if module else '-'} | {purpose} |"
            for href, title, purpose, module in rooms(floor)]
    head = ["", "| page | module | what it is about |", "| --- | --- | --- |"]
    return "\n".join([*head, *rows, ""])


def sidebar(floor: str) -> str:
    "Write the entries of the sidebar"
    return "\n".join(f"          - {href}" for href, *_ in rooms(floor))


def fill(text: str, write, mark: str) -> str:
    "Put what `write` says about a floor between the marks `rooms FLOOR` and `end`"
    def put(found: re.Match) -> str: return f"{found[1]}\n{write(found[2])}\n{found[3]}"
    start, end = mark.format(r"rooms (\w+)"), mark.format("end")
    return re.sub(rf"({start})\n.*?({end})", put, text, flags=re.S)


def listing(name: str) -> str:
    "Fill the tables of rooms of the notebook `name`"
    nb = json.loads((root / name).read_text(encoding="utf-8"))
    for cell in nb["cells"]:
        if cell["cell_type"] != "markdown": continue
        text = fill("".join(cell["source"]), page_rows, "<!-- {} -->")
        cell["source"] = text.splitlines(keepends=True)
    return json.dumps(nb, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def site() -> str:
    "Read where the pages are published"
    config = ConfigParser()
    config.read(root / "settings.ini", encoding="utf-8")
    return config["DEFAULT"]["doc_host"] + config["DEFAULT"]["doc_baseurl"]


def page_address(href: str) -> str: # as nbdev names pages: without the number of the notebook
    "Give the address of the page of the notebook `href`"
    folder, _, name = href.rpartition("/")
    name = re.sub(r"^\d+[a-z]*_", "", name).removesuffix(".ipynb")
    return "/".join(filter(None, (site(), folder, f"{name}.html")))


def readme(notebook: str) -> str:
    "Render the index page as Markdown, without directives and hidden cells"
    def absolute(link: re.Match) -> str: return f"({page_address(link[1])}{link[2] or ''})"
    nb = nbformat.reads(notebook, as_version=4)
    nb.metadata["language_info"] = {"name": "python"}
    nb.cells = [c for c in nb.cells if not HIDDEN.search(c.source)]
    for cell in nb.cells:
        if cell.cell_type == "code":
            cell.source = re.sub(r"^#\s*\|.*\n", "", cell.source, flags=re.M)
        else:
            cell.source = re.sub(r"\(([\w/]+\.ipynb)(#[\w-]+)?\)", absolute, cell.source)
            cell.source = re.sub(r"^<!-- .* -->\n?", "", cell.source, flags=re.M)
        for out in cell.get("outputs", []):
            if "data" in out: out.data = {k: v for k, v in out.data.items() if k == "text/plain"}
    text, _ = MarkdownExporter().from_notebook_node(nb)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def made() -> dict[str, str]: # path: what should stand there
    "Make everything from the notebooks"
    found = {name: listing(name) for name in LISTS}
    guide = (root / "CONTRIBUTING.md").read_text(encoding="utf-8")
    quarto = (root / "_quarto.yml").read_text(encoding="utf-8")
    return {**found, "README.md": readme(found["nbs/index.ipynb"]),
            "CONTRIBUTING.md": fill(guide, module_rows, "<!-- {} -->"),
            "_quarto.yml": fill(quarto, sidebar, " *# {}")}


if __name__ == "__main__":
    stale = {name: text for name, text in made().items()
             if (root / name).read_text(encoding="utf-8") != text}
    if "--check" not in sys.argv:
        for name, text in stale.items(): (root / name).write_text(text, encoding="utf-8")
    elif stale:
        sys.exit(f"not what the notebooks say: {', '.join(stale)}; run: python .ci/readme.py")
