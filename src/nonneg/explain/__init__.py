"""Numbers, pictures and reports that make a factorization understood."""
