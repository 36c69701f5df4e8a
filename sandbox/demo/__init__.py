"""The demo's material: a realistic bundle and the receivers that it meets, made from a seed.

`make_demo(folder, rows, seed)` is the whole interface. The same arguments give the same files on every machine (the pictures as
long as Pillow stays the same).
"""

from pathlib import Path

from sandbox.demo.page import BODY, JOB
from sandbox.demo.people import write_list
from sandbox.demo.pictures import draw_banner, draw_logo
from sandbox.demo.terms import terms_pdf
from sandbox.demo.world import WORLD

__all__ = ["make_demo"]


def make_demo(folder: Path, rows: int, seed: int) -> None:
    """Writes job.yaml, list.csv, body.html, images/, attachments/ and demo-world.yaml (the receivers' script)."""
    for part in ("images", "attachments"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    (folder / "job.yaml").write_text(JOB, encoding="utf-8")
    (folder / "body.html").write_text(BODY, encoding="utf-8")
    (folder / "demo-world.yaml").write_text(WORLD, encoding="utf-8")
    draw_banner(folder / "images" / "banner.png")
    draw_logo(folder / "images" / "logo.png")
    (folder / "attachments" / "terms.pdf").write_bytes(terms_pdf())
    write_list(folder / "list.csv", rows, seed)
