"""What real servers store and answer; a package so that the application of `conftest.py` ends with it."""
