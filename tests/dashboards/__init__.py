"""Dashboards and alerts on real servers; a package so that the run of `conftest.py` ends with it."""
