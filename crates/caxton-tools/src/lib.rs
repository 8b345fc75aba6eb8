//! Tools of every kind behind one door: grants, limits, accounting.
