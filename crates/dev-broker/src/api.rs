//! What the broker answers: the APIs it offers, and the way from a request's header to the function that answers it.

mod cluster;
mod configs;
mod fetch;
mod group;
mod group_offsets;
mod groups;
mod metadata;
mod offset_lookup;
mod produce;
#[cfg(test)]
mod tests;
mod topics;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;

use kafka_wire::{ApiKey, ErrorCode, Frame, Message, Reader, RequestHeader, encode_response};

use crate::connection::Fault;
use crate::node::{Node, Share};

/// The APIs and versions that clients are told of.
///
/// Produce begins at 0 although versions before 3 are answered with an error: older librdkafka takes the low bound for
/// "knows this codec". Fetch goes beyond 13 because some clients insist on topic ids.
const OFFERED: &[(ApiKey, RangeInclusive<i16>)] = &[
    (ApiKey::Produce, 0..=11),
    (ApiKey::Fetch, 4..=16),
    (ApiKey::ListOffsets, 1..=7),
    (ApiKey::Metadata, 0..=12),
    (ApiKey::OffsetCommit, 2..=9),
    (ApiKey::OffsetFetch, 1..=9),
    (ApiKey::FindCoordinator, 0..=4),
    (ApiKey::JoinGroup, 0..=9),
    (ApiKey::Heartbeat, 0..=4),
    (ApiKey::LeaveGroup, 0..=5),
    (ApiKey::SyncGroup, 0..=5),
    (ApiKey::DescribeGroups, 0..=5),
    (ApiKey::ListGroups, 0..=4),
    (ApiKey::ApiVersions, 0..=4),
    (ApiKey::CreateTopics, 2..=7),
    (ApiKey::DeleteTopics, 1..=6),
    (ApiKey::DeleteRecords, 0..=2),
    (ApiKey::InitProducerId, 0..=4),
    (ApiKey::OffsetForLeaderEpoch, 2..=4),
    (ApiKey::DescribeConfigs, 1..=4),
    (ApiKey::CreatePartitions, 0..=3),
    (ApiKey::DeleteGroups, 0..=2),
    (ApiKey::IncrementalAlterConfigs, 0..=1),
    (ApiKey::DescribeCluster, 0..=1),
];

/// Memory that a request may take beside its frame. The largest honest ones name some ten thousand partitions.
const DECODED_BYTES_MAX: usize = 4 << 20;

/// A request's frame, read up to the end of its header.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) frame: Reader,
    pub(crate) peer: SocketAddr,
}

/// What a connection does after a request.
#[derive(Debug)]
pub(crate) enum Answer {
    /// Sends this; the memory is given back afterwards.
    Frame(Frame, Share),
    /// Goes on: the request wanted no answer.
    Nothing,
    /// Closes: the broker stops, and the request could have waited for long.
    Stopping,
}

/// Answers a request.
///
/// # Errors
/// What closes the connection: a request that cannot be read, or a version that is not offered.
pub(crate) async fn handle(
    node: &Arc<Node>,
    header: RequestHeader,
    request: Request,
) -> Result<Answer, Fault> {
    let RequestHeader { api_key, api_version, .. } = header;
    if api_key == ApiKey::ApiVersions && !ApiKey::ApiVersions.versions().contains(&api_version) {
        // KIP-511: the client learns what there is from an answer of version 0, and asks again.
        return Call { header: RequestHeader { api_version: 0, ..header }, request }
            .reply(&cluster::api_versions(ErrorCode::UNSUPPORTED_VERSION));
    }
    if !OFFERED.iter().any(|(key, versions)| *key == api_key && versions.contains(&api_version)) {
        return Err(Fault::Version { api_key, api_version });
    }
    let call = Call {
        header,
        request: Request { frame: request.frame.allocate_at_most(DECODED_BYTES_MAX), ..request },
    };
    dispatch(node, call).await
}

async fn dispatch(node: &Arc<Node>, mut call: Call) -> Result<Answer, Fault> {
    let version = call.header.api_version;
    match call.header.api_key {
        ApiKey::ApiVersions => {
            let _: kafka_wire::messages::ApiVersionsRequest = call.read()?;
            call.reply(&cluster::api_versions(ErrorCode::NONE))
        }
        ApiKey::Produce => {
            let request = call.read()?;
            produce::produce(node, request, version).await.and_then(|response| match response {
                Some(response) => call.reply(&response),
                None => Ok(Answer::Nothing),
            })
        }
        ApiKey::Fetch => {
            let request = call.read()?;
            let (response, share) = fetch::fetch(node, request, version).await;
            call.reply_holding(&response, share)
        }
        ApiKey::JoinGroup | ApiKey::SyncGroup => wait_for_group(node, call).await,
        ApiKey::Heartbeat => call.answer(|request| group::heartbeat(node, request)),
        ApiKey::LeaveGroup => call.answer(|request| group::leave_group(node, request, version)),
        ApiKey::OffsetCommit => call.answer(|request| group_offsets::offset_commit(node, request)),
        ApiKey::OffsetFetch => call.answer(|request| group_offsets::offset_fetch(node, request, version)),
        ApiKey::ListGroups => call.answer(|request| groups::list_groups(node, &request)),
        ApiKey::DescribeGroups => call.answer(|request| groups::describe_groups(node, request)),
        ApiKey::DeleteGroups => call.answer(|request| groups::delete_groups(node, request)),
        ApiKey::ListOffsets => call.answer_elsewhere(node, offset_lookup::list_offsets).await,
        ApiKey::OffsetForLeaderEpoch => call.answer(|request| offset_lookup::end_of_epoch(node, request)),
        ApiKey::Metadata => call.answer(|request| metadata::metadata(node, request, version)),
        ApiKey::DescribeCluster => call.answer(|request| cluster::describe_cluster(node, request)),
        ApiKey::FindCoordinator => call.answer(|request| cluster::find_coordinator(node, request, version)),
        ApiKey::InitProducerId => call.answer(|request| cluster::init_producer_id(node, &request)),
        ApiKey::CreateTopics => call.answer_elsewhere(node, topics::create_topics).await,
        ApiKey::DeleteTopics => call.answer_elsewhere(node, topics::delete_topics).await,
        ApiKey::CreatePartitions => call.answer_elsewhere(node, topics::create_partitions).await,
        ApiKey::DeleteRecords => call.answer_elsewhere(node, topics::delete_records).await,
        ApiKey::DescribeConfigs => call.answer(|request| configs::describe_configs(node, request)),
        ApiKey::IncrementalAlterConfigs => {
            call.answer_elsewhere(node, configs::incremental_alter_configs).await
        }
        // Nobody logs in here, so these are not offered.
        api_key @ (ApiKey::SaslHandshake | ApiKey::SaslAuthenticate) => {
            Err(Fault::Version { api_key, api_version: version })
        }
    }
}

/// The two requests that wait for other clients.
async fn wait_for_group(node: &Node, mut call: Call) -> Result<Answer, Fault> {
    if call.header.api_key == ApiKey::SyncGroup {
        let request = call.read()?;
        return match group::sync_group(node, request).await {
            Some(response) => call.reply(&response),
            None => Ok(Answer::Stopping),
        };
    }
    let request = call.read()?;
    let version = call.header.api_version;
    let client_id = call.header.client_id.take().unwrap_or_default();
    let client_host = format!("/{}", call.request.peer.ip()); // Kafka's form
    match group::join_group(node, request, version, client_id, client_host).await {
        Some(response) => call.reply(&response),
        None => Ok(Answer::Stopping),
    }
}

/// A request with its header, on its way to an answer.
struct Call {
    header: RequestHeader,
    request: Request,
}

impl Call {
    fn read<M: Message>(&mut self) -> Result<M, Fault> {
        Ok(M::decode(&mut self.request.frame, self.header.api_version)?)
    }

    fn reply<M: Message>(&self, response: &M) -> Result<Answer, Fault> {
        self.reply_holding(response, Share::default())
    }

    fn reply_holding<M: Message>(&self, response: &M, share: Share) -> Result<Answer, Fault> {
        let frame = encode_response(self.header.correlation_id, self.header.api_version, response)?;
        Ok(Answer::Frame(frame, share))
    }

    /// For answers that take no time to speak of.
    fn answer<R: kafka_wire::Request>(
        mut self,
        answer: impl FnOnce(R) -> R::Response,
    ) -> Result<Answer, Fault> {
        let request = self.read()?;
        self.reply(&answer(request))
    }

    /// For answers that work on files.
    async fn answer_elsewhere<R: kafka_wire::Request + Send + 'static>(
        mut self,
        node: &Arc<Node>,
        answer: fn(&Node, R) -> R::Response,
    ) -> Result<Answer, Fault>
    where
        R::Response: Send + 'static,
    {
        let request = self.read()?;
        let node = Arc::clone(node);
        let response = tokio::task::spawn_blocking(move || answer(&node, request)).await;
        self.reply(&response.map_err(std::io::Error::other)?)
    }
}

/// Each thing asked for once, in the order of the request: else a small request that names the same large thing over
/// and over would have an answer of any size.
fn distinct<T, K: Ord>(asked: Vec<T>, key: impl Fn(&T) -> K) -> impl Iterator<Item = T> {
    let mut seen = BTreeSet::new();
    asked.into_iter().filter(move |one| seen.insert(key(one)))
}
