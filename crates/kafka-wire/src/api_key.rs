//! The protocol's API keys, with what is needed before a message can be read: which header stands before it.

use std::ops::RangeInclusive;

use crate::messages;
use crate::wire::Message;

macro_rules! api_keys {
    ($($name:ident = $code:literal, $request:ty;)*) => {
        /// An API this crate has the messages of.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(i16)]
        pub enum ApiKey {
            $(
                #[doc = concat!("Key ", stringify!($code), ".")]
                $name = $code,
            )*
        }

        impl ApiKey {
            /// All keys, ascending.
            pub const ALL: &[Self] = &[$( Self::$name, )*];

            /// The key with this number.
            pub fn from_code(code: i16) -> Option<Self> {
                match code {
                    $( $code => Some(Self::$name), )*
                    _ => None,
                }
            }

            /// The key's number.
            pub fn code(self) -> i16 {
                match self {
                    $( Self::$name => $code, )*
                }
            }

            /// The versions this crate reads and writes.
            pub fn versions(self) -> RangeInclusive<i16> {
                match self {
                    $( Self::$name => <$request as Message>::VERSIONS, )*
                }
            }

            /// Calls the visitor with the type of the API's request, or of its answer.
            #[cfg(fuzzing)]
            pub fn visit(self, answer: bool, visitor: &mut impl crate::fuzzing::Visitor) {
                match self {
                    $(
                        Self::$name if answer => {
                            visitor.visit::<<$request as crate::wire::Request>::Response>();
                        }
                        Self::$name => visitor.visit::<$request>(),
                    )*
                }
            }

            /// The first version with compact lengths and tagged fields (KIP-482).
            pub fn flexible_since(self) -> i16 {
                match self {
                    $( Self::$name => <$request as Message>::FLEXIBLE_SINCE, )*
                }
            }
        }
    };
}

api_keys! {
    Produce = 0, messages::ProduceRequest;
    Fetch = 1, messages::FetchRequest;
    ListOffsets = 2, messages::ListOffsetsRequest;
    Metadata = 3, messages::MetadataRequest;
    OffsetCommit = 8, messages::OffsetCommitRequest;
    OffsetFetch = 9, messages::OffsetFetchRequest;
    FindCoordinator = 10, messages::FindCoordinatorRequest;
    JoinGroup = 11, messages::JoinGroupRequest;
    Heartbeat = 12, messages::HeartbeatRequest;
    LeaveGroup = 13, messages::LeaveGroupRequest;
    SyncGroup = 14, messages::SyncGroupRequest;
    DescribeGroups = 15, messages::DescribeGroupsRequest;
    ListGroups = 16, messages::ListGroupsRequest;
    SaslHandshake = 17, messages::SaslHandshakeRequest;
    ApiVersions = 18, messages::ApiVersionsRequest;
    CreateTopics = 19, messages::CreateTopicsRequest;
    DeleteTopics = 20, messages::DeleteTopicsRequest;
    DeleteRecords = 21, messages::DeleteRecordsRequest;
    InitProducerId = 22, messages::InitProducerIdRequest;
    OffsetForLeaderEpoch = 23, messages::OffsetForLeaderEpochRequest;
    DescribeConfigs = 32, messages::DescribeConfigsRequest;
    SaslAuthenticate = 36, messages::SaslAuthenticateRequest;
    CreatePartitions = 37, messages::CreatePartitionsRequest;
    DeleteGroups = 42, messages::DeleteGroupsRequest;
    IncrementalAlterConfigs = 44, messages::IncrementalAlterConfigsRequest;
    DescribeCluster = 60, messages::DescribeClusterRequest;
}

impl ApiKey {
    /// Whether requests of this version have a header with tagged fields (request header version 2).
    pub fn request_header_is_flexible(self, version: i16) -> bool {
        version >= self.flexible_since()
    }

    /// Whether answers of this version have a header with tagged fields (response header version 1).
    ///
    /// Never for ApiVersions: its answer must be readable before versions are known (KIP-511).
    pub fn response_header_is_flexible(self, version: i16) -> bool {
        self != Self::ApiVersions && version >= self.flexible_since()
    }
}
