"README.md from nbs/index.ipynb, without Quarto: python .ci/readme.py [--check]"
import re
import sys
from pathlib import Path

import nbformat
from nbconvert import MarkdownExporter

root = Path(__file__).parent.parent


def readme() -> str:
    "Render index.ipynb as Markdown, without directives and hidden cells"
    nb = nbformat.read(root / "nbs/index.ipynb", as_version=4)
    nb.metadata["language_info"] = {"name": "python"}
    nb.cells = [c for c in nb.cells if not re.search(r"^#\s*\|\s*(hide|include:\s*false)\b", c.source, re.M)]
    for cell in nb.cells:
        if cell.cell_type == "code": cell.source = re.sub(r"^#\s*\|.*\n", "", cell.source, flags=re.M)
        else: cell.source = re.sub(r"\(([\w/]+)\.ipynb\)", r"(nbs/\1.ipynb)", cell.source)
        for out in cell.get("outputs", []):
            if "data" in out: out.data = {k: v for k, v in out.data.items() if k == "text/plain"}
    text, _ = MarkdownExporter().from_notebook_node(nb)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


if __name__ == "__main__":
    path, text = root / "README.md", readme()
    if "--check" not in sys.argv: path.write_text(text, encoding="utf-8")
    elif path.read_text(encoding="utf-8") != text: sys.exit("README.md differs from nbs/index.ipynb; run: python .ci/readme.py")
