//! Hop 7: records into batches, batches into requests, answers into reports.
#![cfg_attr(not(test), expect(dead_code, reason = "the producer that uses these two comes next"))]

mod errors;
mod partitioner;
