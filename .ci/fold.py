"""Fold in JupyterLab what a reader may skip: python .ci/fold.py [--check] [NOTEBOOK ...]

Cells of tests (`#| hide`) and cells that only draw (`#| echo: false`) get the metadata
`jupyter.source_hidden`, all others lose it. nbdev_clean keeps it, by `allowed_cell_metadata_keys`
in settings.ini."""
import json
import re
import sys
from pathlib import Path

root = Path(__file__).resolve().parent.parent
SKIP = re.compile(r"^#\s*\|\s*(?:hide\s*$|include:\s*false|echo:\s*false)", re.M)


def folded(text: str) -> str:
    "Fold the cells of the notebook `text`"
    nb = json.loads(text)
    for cell in nb["cells"]:
        hide = cell["cell_type"] == "code" and SKIP.search("".join(cell["source"]))
        state = dict(cell["metadata"].get("jupyter", {}))
        state.pop("source_hidden", None)
        if hide: state["source_hidden"] = True
        if state: cell["metadata"]["jupyter"] = state
        else: cell["metadata"].pop("jupyter", None)
    return json.dumps(nb, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


if __name__ == "__main__":
    named = [Path(a) for a in sys.argv[1:] if not a.startswith("-")]
    stale = {}
    for path in named or sorted((root / "nbs").glob("**/*.ipynb")):
        if ".ipynb_checkpoints" in path.parts: continue
        text = path.read_text(encoding="utf-8")
        if json.loads(new := folded(text)) != json.loads(text): stale[path] = new
    if "--check" not in sys.argv:
        for path, text in stale.items(): path.write_text(text, encoding="utf-8")
    elif stale:
        names = ", ".join(sorted(path.name for path in stale))
        sys.exit(f"cells to skip are not folded: {names}; run: python .ci/fold.py")
