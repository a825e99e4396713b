//! What holds for all messages: round trips in every version, bounds on hostile bytes; and batches and records.

mod batches;
mod hostile;
mod round_trip;

/// Calls a generic function for every message of the crate: `for_all_messages!(check(&mut rng))`.
macro_rules! for_all_messages {
    ($check:ident $args:tt) => {
        for_all_messages!(@each $check $args
            ProduceRequest ProduceResponse FetchRequest FetchResponse
            ListOffsetsRequest ListOffsetsResponse MetadataRequest MetadataResponse
            OffsetCommitRequest OffsetCommitResponse OffsetFetchRequest OffsetFetchResponse
            FindCoordinatorRequest FindCoordinatorResponse JoinGroupRequest JoinGroupResponse
            HeartbeatRequest HeartbeatResponse LeaveGroupRequest LeaveGroupResponse
            SyncGroupRequest SyncGroupResponse DescribeGroupsRequest DescribeGroupsResponse
            ListGroupsRequest ListGroupsResponse ApiVersionsRequest ApiVersionsResponse
            SaslHandshakeRequest SaslHandshakeResponse SaslAuthenticateRequest SaslAuthenticateResponse
            CreateTopicsRequest CreateTopicsResponse DeleteTopicsRequest DeleteTopicsResponse
            DeleteRecordsRequest DeleteRecordsResponse InitProducerIdRequest InitProducerIdResponse
            OffsetForLeaderEpochRequest OffsetForLeaderEpochResponse
            DescribeConfigsRequest DescribeConfigsResponse CreatePartitionsRequest CreatePartitionsResponse
            DeleteGroupsRequest DeleteGroupsResponse
            IncrementalAlterConfigsRequest IncrementalAlterConfigsResponse
            DescribeClusterRequest DescribeClusterResponse)
    };
    (@each $check:ident $args:tt $($message:ident)*) => {
        $( $check::<$crate::messages::$message> $args; )*
    };
}
pub(crate) use for_all_messages;

/// A message of version 1 or higher can be told apart by name in a failed assertion.
pub(crate) fn name<M>() -> &'static str {
    std::any::type_name::<M>().rsplit(':').next().unwrap_or_default()
}

/// The seed of a test's randomness: fixed, printed with every failure by the assertion messages that use it.
pub(crate) const SEED: u64 = 0x6f74_6c70;

/// A byte that is often one of those on which length fields turn.
pub(crate) fn arbitrary_byte(rng: &mut fastrand::Rng) -> u8 {
    let any = rng.u8(..);
    rng.choice([0, 1, 0x7f, 0x80, 0xff, any]).unwrap_or(any)
}
