//! OTLP/JSON to wire bytes, in one pass.
