//! Wire bytes to JSON, in one pass.
