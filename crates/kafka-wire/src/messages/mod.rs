//! The messages of each API, requests and answers, one file a family.
#![expect(missing_docs, reason = "a field's name and meaning are those of Kafka's message definitions")]

mod api_versions;
mod cluster;
mod metadata;

mod fetch;
mod produce;
mod producer_id;

mod leader_epoch;
mod list_offsets;

mod coordinator;
mod group;
mod groups;
mod offsets;

mod configs;
mod records;
mod sasl;
mod topics;

pub use api_versions::*;
pub use cluster::*;
pub use configs::*;
pub use coordinator::*;
pub use fetch::*;
pub use group::*;
pub use groups::*;
pub use leader_epoch::*;
pub use list_offsets::*;
pub use metadata::*;
pub use offsets::*;
pub use produce::*;
pub use producer_id::*;
pub use records::*;
pub use sasl::*;
pub use topics::*;
