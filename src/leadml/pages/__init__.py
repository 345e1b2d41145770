"""Pages a person reads: plain data in, one self-contained file out."""
