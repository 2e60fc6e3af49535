"""Every benchmark, one after another: `make bench`. Each module's docstring says how to run it alone, and at other sizes."""

from __future__ import annotations

import platform
import subprocess
import sys

RUNS = (("mapping",), ("matching", "8000", "31"), ("pull", "20000"), ("pull", "pace"))

print(f"{platform.platform()}, Python {platform.python_version()}", flush=True)
for name, *arguments in RUNS:
    print(f"\n== {' '.join((name, *arguments))}", flush=True)
    subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *arguments], check=True)
