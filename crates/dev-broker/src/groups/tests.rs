//! Tests of the coordinator by scripted scenarios.
