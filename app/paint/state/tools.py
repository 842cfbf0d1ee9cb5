"""What is in the painter's hand: tool, brush, labels. None of it belongs to the drawing, so none of it is undone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from app.paint.state.layers import CLEAR
from app.paint.state.palette import Palette

Tool = Literal["brush", "eraser", "line", "rectangle", "ellipse", "area", "fill", "pick"]
TOOLS: tuple[Tool, ...] = get_args(Tool)

SMALLEST_BRUSH, LARGEST_BRUSH = 1.0, 512.0
# As many as a pop-up under the pen can show.
RECENT = 10


@dataclass
class Tools:
    """`size` is the brush's diameter in picture pixels. `pen_erases` is true while the pen's other end is on the canvas."""

    tool: Tool = "brush"
    size: float = 64.0
    square: bool = False
    use_pressure: bool = True
    label: int = 0
    other_label: int = 0
    mirror_x: bool = False
    mirror_y: bool = False
    pen_erases: bool = False
    recent: list[int] = field(default_factory=list)

    @property
    def erasing(self) -> bool:
        return self.tool == "eraser" or self.pen_erases

    @property
    def painted_number(self) -> int:
        """What goes into the layer: the chosen label, or clear (what lies below shows; at the bottom, the background)."""
        return CLEAR if self.erasing else self.label

    def choose(self, number: int) -> None:
        """Take a label; the one before stays at hand for `swap`."""
        if number != self.label:
            self.other_label, self.label = self.label, number
        self.recent = [number, *(other for other in self.recent if other != number)][:RECENT]
        if self.tool in ("eraser", "pick"):
            self.tool = "brush"

    def swap(self) -> None:
        """The last two labels change places."""
        self.choose(self.other_label)

    def resize(self, size: float) -> None:
        self.size = min(max(size, SMALLEST_BRUSH), LARGEST_BRUSH)

    def step_size(self, up: bool) -> None:
        """One notch larger or smaller: about an eighth, and at least a pixel."""
        step = max(1.0, round(self.size / 8))
        self.resize(round(self.size) + (step if up else -step))

    def fit(self, palette: Palette) -> None:
        """Keep to labels that there are (another model was chosen)."""
        numbers = [label.id for label in palette.labels]
        self.recent = [number for number in self.recent if number in numbers]
        if self.label not in numbers:
            self.label = numbers[0]
        if self.other_label not in numbers:
            self.other_label = numbers[min(1, len(numbers) - 1)]

    def to_json(self) -> dict[str, Any]:
        """What is kept until the next start."""
        return {
            "tool": self.tool, "size": self.size, "square": self.square, "use_pressure": self.use_pressure,
            "label": self.label, "other_label": self.other_label, "recent": list(self.recent),
        }  # fmt: skip

    def take_json(self, state: dict[str, Any]) -> None:
        """Put back what `to_json` kept; what is broken or unknown is passed over."""
        if state.get("tool") in TOOLS:
            self.tool = state["tool"]
        size = state.get("size")
        if isinstance(size, (int, float)) and size == size:
            self.resize(float(size))
        for name in ("square", "use_pressure"):
            if isinstance(state.get(name), bool):
                setattr(self, name, state[name])
        for name in ("label", "other_label"):
            if isinstance(state.get(name), int) and 0 <= state[name] < CLEAR:
                setattr(self, name, state[name])
        recent = state.get("recent")
        if isinstance(recent, list):
            self.recent = [number for number in recent if isinstance(number, int) and 0 <= number < CLEAR][:RECENT]
