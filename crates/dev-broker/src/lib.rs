//! dev-broker

mod groups;
mod log;
mod topics;
