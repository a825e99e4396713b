//! dev-broker
