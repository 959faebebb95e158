"""The comparisons, a file per subject. Each module gives ``rows()``: results in the order of the table."""
