"""One registry for the processes of many machines, which meet in a Redis."""
