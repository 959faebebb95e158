"""One registry for the processes of one machine: a folder of files, each written by one process."""
