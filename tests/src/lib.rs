//! The whole pipeline, tested.
