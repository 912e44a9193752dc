"""All of minirnn's metadata. tasks/ and benchmarks/ live at the top of the repository and install inside minirnn."""

from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
PLOT = ["matplotlib>=3.9"]
DATA = ["requests>=2.30"]
REPORT = ["jinja2>=3.1"]
SWEEP = ["distributed>=2024.8"]
TEST = ["pytest>=8", "pytest-xdist>=3.5", "hypothesis>=6.100", "playwright>=1.45"]
DOCS = ["sphinx>=8", "furo>=2024.8.6", "myst-parser>=4", "sphinx-mathjax-offline>=0.0.2"]
PEERS = ["torch>=2.4"]
VARIANTS = ["geotorch>=0.3", "jax>=0.4"]

setup(
    name="minirnn",
    version="0.1.0",
    description="Recurrent networks with every gradient derived by hand: orthogonal and unitary RNNs in plain NumPy",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="MIT",
    python_requires=">=3.11",
    packages=[*find_packages(include=["minirnn", "minirnn.*"]), "minirnn.tasks", "minirnn.benchmarks"],
    package_dir={"minirnn": "minirnn", "minirnn.tasks": "tasks", "minirnn.benchmarks": "benchmarks"},
    package_data={
        "minirnn": ["py.typed", "report/*.html", "kernels/*.cu"],
        "minirnn.tasks": ["presets/*.toml", "targets/*/*.toml"],
        "minirnn.benchmarks": ["*.json"],
    },
    install_requires=[
        "numpy>=2.0",
        "scipy>=1.13",
        "click>=8.1",
        "rich>=13",
        "platformdirs>=4",
        "threadpoolctl>=3.5",
        "tomli-w>=1",
        "filelock>=3.15",
    ],
    extras_require={
        "plot": PLOT,
        "report": [*REPORT, *PLOT],
        "data": DATA,
        "sweep": SWEEP,
        "cuda12": ["cupy-cuda12x[ctk]>=14,<15"],
        "cuda13": ["cupy-cuda13x[ctk]>=14,<15"],
        "docs": DOCS,
        "test": [*TEST, *PLOT, *REPORT, *DATA, *SWEEP, *DOCS],
        "bench": PEERS,
        "bench-variants": [*PEERS, *VARIANTS],
        "oracle": PEERS,
        "dev": [*TEST, *PLOT, *REPORT, *DATA, *SWEEP, *DOCS, "ruff>=0.6", "mypy>=1.11", "build>=1"],
    },
    entry_points={"console_scripts": ["minirnn=minirnn.cli:main"]},
)
