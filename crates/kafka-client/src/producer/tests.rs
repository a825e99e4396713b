//! A partition against a model of a broker's log, and producers against brokers that are scripted or embedded.

mod simulation;
