//! Hop 7: STUB
pub(crate) fn partition_of(_key: &[u8], _n: u32) -> i32 { 0 }
