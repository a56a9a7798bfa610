//! Entering, leaving, trapping.
