"""The proxy that the environment names for an address."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polymeter.exporters.http.address import address_of

if TYPE_CHECKING:
    from polymeter.exporters.http.address import Address

__all__ = ["proxy_for"]


def proxy_for(address: Address) -> Address | None:
    """Give the proxy of ``HTTP_PROXY`` or ``HTTPS_PROXY``, unless ``NO_PROXY`` excepts the address.

    This machine is never reached through a proxy.

    :raises DefinitionError: for a proxy that is not spoken to by http.
    """
    if address.is_loopback:
        return None
    from urllib.request import getproxies, proxy_bypass  # dear to import

    proxies = getproxies()
    url = proxies.get(address.scheme) or proxies.get("all")
    if not url or proxy_bypass(str(address)):
        return None
    what = f"proxy that the environment names for {address.scheme} (NO_PROXY={address.host} would go without it)"
    return address_of(url if "://" in url else f"http://{url}", what=what)
