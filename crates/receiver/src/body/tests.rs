//! Bodies are charged as they are held, and bounded by what was said of them.
