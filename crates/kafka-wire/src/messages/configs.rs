//! DescribeConfigs and IncrementalAlterConfigs: properties of topics and brokers.

use crate::ErrorCode;

api!(DescribeConfigs: DescribeConfigsRequest => DescribeConfigsResponse, versions 1..=4, flexible from 4);
api!(
    IncrementalAlterConfigs: IncrementalAlterConfigsRequest => IncrementalAlterConfigsResponse,
    versions 0..=1, flexible from 1
);

/// `resource_type` of a topic.
pub const TOPIC_RESOURCE: i8 = 2;
/// `resource_type` of a broker.
pub const BROKER_RESOURCE: i8 = 4;

wire_structs! {
    /// Whose properties to tell.
    pub struct DescribeConfigsRequest {
        resources: Vec<DescribeConfigsResource> => 0..;
        include_synonyms: bool => 1..;
        include_documentation: bool => 3..;
    }

    /// A topic or broker.
    pub struct DescribeConfigsResource {
        resource_type: i8 => 0..;
        resource_name: String => 0..;
        /// `None`: all.
        configuration_keys: Option<Vec<String>> => 0..;
    }

    /// The properties.
    pub struct DescribeConfigsResponse {
        throttle_time_ms: i32 => 0..;
        results: Vec<DescribeConfigsResult> => 0..;
    }

    /// One topic's or broker's properties.
    pub struct DescribeConfigsResult {
        error_code: ErrorCode => 0..;
        error_message: Option<String> => 0..;
        resource_type: i8 => 0..;
        resource_name: String => 0..;
        configs: Vec<DescribeConfigsResourceResult> => 0..;
    }

    /// A property.
    pub struct DescribeConfigsResourceResult {
        name: String => 0..;
        value: Option<String> => 0..;
        read_only: bool => 0..;
        /// 1: set on the topic; 5: the default.
        config_source: i8 => 1.., default -1;
        is_sensitive: bool => 0..;
        synonyms: Vec<DescribeConfigsSynonym> => 1..;
        config_type: i8 => 3..;
        documentation: Option<String> => 3..;
    }

    /// Where else the property could come from.
    pub struct DescribeConfigsSynonym {
        name: String => 1..;
        value: Option<String> => 1..;
        source: i8 => 1..;
    }

    /// Properties to change (KIP-339).
    pub struct IncrementalAlterConfigsRequest {
        resources: Vec<AlterConfigsResource> => 0..;
        validate_only: bool => 0..;
    }

    /// One topic's or broker's changes.
    pub struct AlterConfigsResource {
        resource_type: i8 => 0..;
        resource_name: String => 0..;
        configs: Vec<AlterableConfig> => 0..;
    }

    /// A change.
    pub struct AlterableConfig {
        name: String => 0..;
        /// 0: set, 1: delete, 2: append to a list, 3: take out of a list.
        config_operation: i8 => 0..;
        value: Option<String> => 0..;
    }

    /// What became of them.
    pub struct IncrementalAlterConfigsResponse {
        throttle_time_ms: i32 => 0..;
        responses: Vec<AlterConfigsResourceResponse> => 0..;
    }

    /// One topic's or broker's answer.
    pub struct AlterConfigsResourceResponse {
        error_code: ErrorCode => 0..;
        error_message: Option<String> => 0..;
        resource_type: i8 => 0..;
        resource_name: String => 0..;
    }
}
