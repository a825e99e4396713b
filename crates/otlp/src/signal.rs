//! The four signals, and everything about them that differs by name: paths, root messages, field names.

use crate::schema::MessageId;

/// What an export request carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Signal {
    /// Spans.
    Traces,
    /// Metrics; their items are data points.
    Metrics,
    /// Log records.
    Logs,
    /// Profiles; in OTLP 1.x still in development.
    Profiles,
}

impl Signal {
    /// Every signal, in the order of [`Signal::index`].
    pub const ALL: [Self; 4] = [Self::Traces, Self::Metrics, Self::Logs, Self::Profiles];

    /// `traces`, `metrics`, `logs` or `profiles`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Traces => "traces",
            Self::Metrics => "metrics",
            Self::Logs => "logs",
            Self::Profiles => "profiles",
        }
    }

    /// 0 to 3, for arrays of one entry a signal.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The message of a request.
    pub const fn root(self) -> MessageId {
        match self {
            Self::Traces => MessageId::ExportTraceServiceRequest,
            Self::Metrics => MessageId::ExportMetricsServiceRequest,
            Self::Logs => MessageId::ExportLogsServiceRequest,
            Self::Profiles => MessageId::ExportProfilesServiceRequest,
        }
    }

    /// Path of the unary gRPC method (OTLP specification, "OTLP/gRPC").
    pub const fn grpc_path(self) -> &'static str {
        match self {
            Self::Traces => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
            Self::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
            Self::Logs => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
            Self::Profiles => "/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export",
        }
    }

    /// The signal of a gRPC path; `None` for any other method.
    pub fn from_grpc_path(path: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|signal| signal.grpc_path() == path)
    }

    /// Default path of an HTTP request (OTLP specification, "OTLP/HTTP Request").
    pub const fn http_path(self) -> &'static str {
        match self {
            Self::Traces => "/v1/traces",
            Self::Metrics => "/v1/metrics",
            Self::Logs => "/v1/logs",
            Self::Profiles => "/v1development/profiles",
        }
    }

    /// The signal of an HTTP path, compared byte by byte; `None` for any other.
    pub fn from_http_path(path: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|signal| signal.http_path() == path)
    }

    /// The count in the JSON form of a partial success; on the wire it is field 1 in all four.
    pub const fn rejected_field(self) -> &'static str {
        match self {
            Self::Traces => "rejectedSpans",
            Self::Metrics => "rejectedDataPoints",
            Self::Logs => "rejectedLogRecords",
            Self::Profiles => "rejectedProfiles",
        }
    }

    /// Plural of what is counted, for messages to people.
    pub const fn item_noun(self) -> &'static str {
        match self {
            Self::Traces => "spans",
            Self::Metrics => "data points",
            Self::Logs => "log records",
            Self::Profiles => "profiles",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_back() {
        for (index, signal) in Signal::ALL.into_iter().enumerate() {
            assert_eq!(signal.index(), index);
            assert_eq!(Signal::from_grpc_path(signal.grpc_path()), Some(signal));
            assert_eq!(Signal::from_http_path(signal.http_path()), Some(signal));
        }
        for path in ["", "/", "/v1/traces/", "/v1/tracesX", "/V1/traces", "//v1/traces", "/v1/profiles"] {
            assert_eq!(Signal::from_http_path(path), None, "{path}");
        }
    }

    #[test]
    fn grpc_path_and_root_name_the_same_package() {
        for signal in Signal::ALL {
            let package = signal.root().message().name.rsplit_once('.').unwrap().0;
            assert!(signal.grpc_path()[1..].starts_with(package), "{signal:?}");
        }
    }
}
