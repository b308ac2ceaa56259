"""From what matplotlib draws to SVG that is part of a page: its colours and fonts, in light and in dark.

Everything is drawn in stand-in colours, which become the page's CSS variables afterwards, and in sizes for a column as
narrow as a phone. The same figures give the same bytes.
"""

import io
import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from evals.report.tables import Table

WIDTH = 360.0  # points; of a phone's screen, so that letters there are as large as the text around them

INK, MUTED, GRID, PAPER = "#010101", "#020202", "#030303", "#040404"
# Each of the page's colours for light and dark; all but the grid and the paper have a contrast of 3 to 1 at least
# with the paper (WCAG 2.2, 1.4.11). The arms' start from Okabe and Ito's, which colour-blind people tell apart.
COLOURS = {
    "ink": ("#1b1f24", "#e8eaed"),
    "muted": ("#59636e", "#a3acb6"),
    "grid": ("#dfe3e8", "#363d46"),
    "paper": ("#ffffff", "#15181c"),
    "arm0": ("#c24e00", "#ff9a5c"),
    "arm1": ("#0067a8", "#6cb9f5"),
    "arm2": ("#007a5a", "#3dd6a6"),
    "arm3": ("#a23e8c", "#e79ad3"),
    "arm4": ("#806600", "#f0d14a"),
    "arm5": ("#4a5058", "#d0d5da"),
    "arm6": ("#5e4fc2", "#b0a6ff"),
    "arm7": ("#a0162f", "#ff8f9e"),
}
_ARMS = [f"#0a00{number:02x}" for number in range(sum(name.startswith("arm") for name in COLOURS))]
_PAGE_COLOURS = dict(zip((INK, MUTED, GRID, PAPER, *_ARMS), COLOURS, strict=True))
# Neither list is as long as that of the colours, so that the hundredth arm still has a combination of its own.
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p", "h")
_DASHES: tuple[tuple[float, tuple[float, ...] | None], ...] = (
    (0, None),
    (0, (5, 1.5)),
    (0, (1.5, 1.2)),
    (0, (6, 1.5, 1.5, 1.5)),
    (0, (9, 2)),
)

_STYLE = {
    "axes.axisbelow": True,
    "axes.edgecolor": MUTED,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.facecolor": "none",
    "font.family": "DejaVu Sans",  # matplotlib's own, and wider than a page's: what fits in it fits in the page
    "font.size": 11.5,
    "grid.color": GRID,
    "hatch.linewidth": 1.2,
    "legend.fontsize": 11.5,
    "legend.frameon": False,
    "legend.handlelength": 2.6,
    "lines.linewidth": 1.8,
    "lines.markersize": 5,
    "savefig.transparent": True,
    "svg.fonttype": "none",
    "svg.hashsalt": "kstore",
    "text.color": INK,
    "text.parse_math": False,  # names may hold dollar signs
    "xtick.color": MUTED,
    "xtick.labelcolor": INK,
    "xtick.labelsize": 11,
    "ytick.color": MUTED,
    "ytick.labelcolor": INK,
    "ytick.labelsize": 11,
}
_NO_METADATA = {"Creator": None, "Date": None, "Format": None, "Type": None}


@dataclass(frozen=True, slots=True)
class Plot:
    """A figure of the page: ``svg`` to be put in as it is, and ``data``, the same for those who do not see it."""

    slug: str
    title: str
    caption: str
    svg: str
    data: Table


@dataclass(frozen=True, slots=True)
class Look:
    """How an arm is drawn everywhere: told by its marker and dashes as well as by its colour."""

    colour: str
    marker: str
    dashes: tuple[float, tuple[float, ...] | None]


def looks(arms: Sequence[str]) -> dict[str, Look]:
    """A look for each arm, no two the same."""
    return {
        arm: Look(_ARMS[number % len(_ARMS)], _MARKERS[number % len(_MARKERS)], _DASHES[number % len(_DASHES)])
        for number, arm in enumerate(arms)
    }


def draw(slug: str, title: str, height: float, paint: Callable[[Figure, Axes], None]) -> str:
    """The SVG of what ``paint`` draws, ``WIDTH`` by ``height`` points. Its ids begin with ``slug``."""
    with matplotlib.style.context(["default", _STYLE]), warnings.catch_warnings():
        # Letters that matplotlib's font lacks are the browser's to draw.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure = Figure(figsize=(WIDTH / 72, height / 72), layout="constrained")
        paint(figure, figure.add_subplot())
        written = io.StringIO()
        figure.savefig(written, format="svg", metadata=_NO_METADATA)
    return _for_page(written.getvalue(), slug, title)


def _for_page(written: str, slug: str, title: str) -> str:
    """What a page needs of a file of SVG: no head, no style of its own, no size, no id that is not referred to."""
    root = ElementTree.fromstring(written)
    referred = set(re.findall(r"(?:url\(#|href=\"#)([^\")]+)", written))
    for parent in root.iter():
        for child in [it for it in parent if it.tag.endswith("}style")]:
            parent.remove(child)
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        element.attrib = {
            (bare := name.rpartition("}")[2]): _attribute(bare, value, slug)
            for name, value in element.attrib.items()
            if name != "id" or value in referred
        }
        if element.tag not in {"text", "tspan"}:
            element.text = None
        element.tail = None
    box = root.attrib["viewBox"]
    root.attrib = {"class": "plot", "viewBox": box, "role": "img", "aria-labelledby": f"{slug}-title"}
    name = ElementTree.Element("title", {"id": f"{slug}-title"})
    name.text = title
    root.insert(0, name)
    return ElementTree.tostring(root, encoding="unicode")


def _attribute(name: str, value: str, slug: str) -> str:
    if name == "id":
        return f"{slug}-{value}"
    if name in {"d", "x", "y", "width", "height", "transform", "points"}:
        value = re.sub(r"-?\d+\.\d{3,}", lambda found: f"{float(found[0]):.2f}", value)
        return " ".join(value.split())
    value = re.sub(r"font-family: [^;]*;?\s*", "", value)
    value = f"#{slug}-{value[1:]}" if name == "href" else value.replace("url(#", f"url(#{slug}-")
    return re.sub(r"#[0-9a-f]{6}\b", lambda found: _page_colour(found[0]), value)


def _page_colour(colour: str) -> str:
    return f"var(--{_PAGE_COLOURS[colour]})" if colour in _PAGE_COLOURS else colour
