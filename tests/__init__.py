"""The tests; a package so that `from tests.servers import promtool` means these and no other."""
