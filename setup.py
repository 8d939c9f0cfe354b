"Package metadata, read from settings.ini so that it is written down once."
from configparser import ConfigParser
from pathlib import Path

from setuptools import find_packages, setup

config = ConfigParser()
config.read("settings.ini", encoding="utf-8")
cfg = config["DEFAULT"]

setup(
    name=cfg["lib_name"],
    version=cfg["version"],
    description=cfg["description"],
    long_description=Path("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    author=cfg["author"],
    author_email=cfg["author_email"],
    url=cfg["git_url"],
    project_urls={"Documentation": cfg["doc_host"] + cfg["doc_baseurl"]},
    keywords=cfg["keywords"].split(),
    license="Apache-2.0",
    license_files=["LICENSE"],
    packages=find_packages(include=["nace_clf", "nace_clf.*"]),
    package_data={"nace_clf": [
        "templates/*.html", "desk/migrations/*.py", "desk/migrations/versions/*.py",
        "desk/templates/*.html", "desk/static/*", "desk/messages/*.json"]},
    python_requires=">=" + cfg["min_python"],
    install_requires=cfg["requirements"].split(),
    extras_require={e: cfg[f"{e}_requirements"].split()
                    for e in ("demo", "onnx", "tune", "neighbours", "ray", "desk", "dev")},
    entry_points={
        "console_scripts": cfg["console_scripts"].splitlines(),
        # how nbdev finds the pages and the source of names
        "nbdev": [f"{cfg['lib_name']}={cfg['lib_name']}._modidx:d"],
    },
    classifiers=[
        "Development Status :: 4 - Beta",
        "Intended Audience :: Science/Research",
        "Programming Language :: Python :: 3",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
    ],
)
