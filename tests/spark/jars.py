"""JARs that a test compiles, because what matters is what is in them."""

from __future__ import annotations

import os
import subprocess
import zipfile
from collections.abc import Mapping
from pathlib import Path

from libra_provider.cluster.standalone import spark_home


def compiled(jar: Path, sources: Mapping[str, str], beside: list[Path] | None = None) -> None:
    """Make *jar* of the classes in *sources* (path → text), which use the JARs *beside* them."""
    root = jar.parent / f"{jar.stem}-classes"
    root.mkdir()
    for name, text in sources.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text)
    path = os.pathsep.join([f"{spark_home()}/jars/*", *map(str, beside or [])])
    files = [str(root / name) for name in sources]
    subprocess.run(["javac", "-nowarn", "-cp", path, "-d", str(root), *files], check=True)
    with zipfile.ZipFile(jar, "w") as archive:
        for each in root.rglob("*.class"):
            archive.write(each, each.relative_to(root))
