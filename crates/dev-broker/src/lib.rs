//! dev-broker

mod log;
mod topics;
