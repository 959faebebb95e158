"""The colours of the timeline, light and dark."""

from __future__ import annotations

from typing import Final

__all__ = ["COLOURS", "style"]

_LIGHT: Final = ("#2f6fde", "#d97706", "#15915a", "#8b46c9", "#d13b3b", "#0e8a9e", "#c8367f", "#8a7a12", "#6b7280")
_DARK: Final = ("#6ea2ff", "#f5a742", "#4cc38a", "#c08cf5", "#ff7b72", "#4fc3d9", "#f47fb6", "#cdbb4a", "#9aa4b2")

COLOURS: Final = len(_LIGHT)
"""How many there are for bars; the last one is for all that have none of their own."""


def style() -> str:
    """Give the style sheet. It stays inside the picture where that is part of a page."""
    dark = "".join(
        _rules(_DARK, ground="#16181d", ink="#e6e8ec", quiet="#9aa1ac", header="#23272f", grid="#2f343d", own="#7f8896")
    )
    return (
        ".pm-sw{color-scheme:light dark}"
        ".pm-sw text{font:12px system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif}"
        ".pm-sw .s{font-weight:600}.pm-sw .m{text-anchor:middle}.pm-sw .e{text-anchor:end}"
        ".pm-sw .t{font-size:11px;font-variant-numeric:tabular-nums}"
        ".pm-sw .r{fill-opacity:.45;stroke-width:1;stroke-dasharray:3 2}"
        ".pm-sw .g{stroke-width:1;fill:none}"
        + "".join(
            _rules(
                _LIGHT,
                ground="#ffffff",
                ink="#1c2128",
                quiet="#646c78",
                header="#eef1f5",
                grid="#e2e6eb",
                own="#8d96a3",
            )
        )
        + f"@media (prefers-color-scheme:dark){{{dark}}}"
    )


def _rules(bars: tuple[str, ...], *, ground: str, ink: str, quiet: str, header: str, grid: str, own: str) -> list[str]:
    return [
        f".pm-sw .bg{{fill:{ground}}}",
        f".pm-sw text{{fill:{ink}}}",
        f".pm-sw .t{{fill:{quiet}}}",
        f".pm-sw .h{{fill:{header}}}",
        f".pm-sw .z{{fill:{header};fill-opacity:.45}}",
        f".pm-sw .g{{stroke:{grid}}}",
        f".pm-sw .own{{fill:{own};stroke:{own};stroke-width:0}}",
        *[f".pm-sw .c{number}{{fill:{colour};stroke:{colour};stroke-width:0}}" for number, colour in enumerate(bars)],
        ".pm-sw .r{stroke-width:1}",
    ]
