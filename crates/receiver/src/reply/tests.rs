//! The table from answer to status, row by row.
