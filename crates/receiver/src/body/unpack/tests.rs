//! Packed bodies are read whole or refused.
