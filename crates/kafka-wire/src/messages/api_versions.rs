//! ApiVersions: what the broker offers; the first message on a connection.

use crate::ErrorCode;

api!(ApiVersions: ApiVersionsRequest => ApiVersionsResponse, versions 0..=4, flexible from 3);

wire_structs! {
    /// Who asks.
    pub struct ApiVersionsRequest {
        client_software_name: String => 3..;
        client_software_version: String => 3..;
    }

    /// What the broker offers.
    pub struct ApiVersionsResponse {
        error_code: ErrorCode => 0..;
        api_keys: Vec<ApiVersion> => 0..;
        throttle_time_ms: i32 => 1..;
        supported_features: Vec<SupportedFeatureKey> => 3.., tag 0;
        finalized_features_epoch: i64 => 3.., default -1, tag 1;
        finalized_features: Vec<FinalizedFeatureKey> => 3.., tag 2;
        zk_migration_ready: bool => 3.., tag 3;
    }

    /// The versions of one API. The key may be one this crate has no messages of.
    pub struct ApiVersion {
        api_key: i16 => 0..;
        min_version: i16 => 0..;
        max_version: i16 => 0..;
    }

    /// A feature the broker could do (KIP-584).
    pub struct SupportedFeatureKey {
        name: String => 3..;
        min_version: i16 => 3..;
        max_version: i16 => 3..;
    }

    /// A feature the cluster does (KIP-584).
    pub struct FinalizedFeatureKey {
        name: String => 3..;
        max_version_level: i16 => 3..;
        min_version_level: i16 => 3..;
    }
}
