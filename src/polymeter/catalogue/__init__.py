"""The catalogue of all metrics with their names in each back end, and the manifest that holds them to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polymeter.lazily import lazily

if TYPE_CHECKING:
    from polymeter.catalogue.catalogue import Catalogue
    from polymeter.catalogue.differences import Difference
    from polymeter.catalogue.entry import CatalogueEntry
    from polymeter.catalogue.manifest import Manifest
else:
    __getattr__, __dir__ = lazily(
        __name__,
        {
            "catalogue": "Catalogue",
            "differences": "Difference",
            "entry": "CatalogueEntry",
            "manifest": "Manifest",
        },
    )

__all__ = ["Catalogue", "CatalogueEntry", "Difference", "Manifest"]
