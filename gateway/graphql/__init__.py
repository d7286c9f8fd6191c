"""Tools as one typed graph: schemas made of the tools' own, documents within bounds, and their execution."""
