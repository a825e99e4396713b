//! The four requests as prost messages: what the scan, the cutter and the JSON codecs are compared with.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::profiles::v1development::ExportProfilesServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{Exemplar, Metric};
use prost::{DecodeError, Message};

use crate::{Counts, Signal};

/// A decoded request of any signal.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// Spans.
    Traces(ExportTraceServiceRequest),
    /// Metrics.
    Metrics(ExportMetricsServiceRequest),
    /// Log records.
    Logs(ExportLogsServiceRequest),
    /// Profiles.
    Profiles(ExportProfilesServiceRequest),
}

impl Request {
    /// Reads it with prost.
    ///
    /// # Errors
    ///
    /// When prost refuses it.
    pub fn decode(signal: Signal, wire: &[u8]) -> Result<Self, DecodeError> {
        Ok(match signal {
            Signal::Traces => Self::Traces(ExportTraceServiceRequest::decode(wire)?),
            Signal::Metrics => Self::Metrics(ExportMetricsServiceRequest::decode(wire)?),
            Signal::Logs => Self::Logs(ExportLogsServiceRequest::decode(wire)?),
            Signal::Profiles => Self::Profiles(ExportProfilesServiceRequest::decode(wire)?),
        })
    }

    /// Writes it with prost.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Traces(request) => request.encode_to_vec(),
            Self::Metrics(request) => request.encode_to_vec(),
            Self::Logs(request) => request.encode_to_vec(),
            Self::Profiles(request) => request.encode_to_vec(),
        }
    }

    /// Counted on the tree. Differs from the scan, rightly, when a message that holds items comes twice as a
    /// member of a oneof and the other member came between: the tree has lost them then.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        match self {
            Self::Traces(request) => {
                for span in request.resource_spans.iter().flat_map(|r| &r.scope_spans).flat_map(|s| &s.spans)
                {
                    counts.items += 1;
                    counts.elements += 1 + count(&span.events) + count(&span.links);
                }
            }
            Self::Metrics(request) => {
                for metric in
                    request.resource_metrics.iter().flat_map(|r| &r.scope_metrics).flat_map(|s| &s.metrics)
                {
                    let (points, exemplars) = points(metric);
                    counts.items += points;
                    counts.elements += points + exemplars;
                }
            }
            Self::Logs(request) => {
                let scopes = request.resource_logs.iter().flat_map(|r| &r.scope_logs);
                counts.items = scopes.map(|s| count(&s.log_records)).sum();
                counts.elements = counts.items;
            }
            Self::Profiles(request) => {
                let scopes = request.resource_profiles.iter().flat_map(|r| &r.scope_profiles);
                counts.items = scopes.map(|s| count(&s.profiles)).sum();
                counts.elements = counts.items;
            }
        }
        counts
    }
}

/// Data points of a metric, and their exemplars.
fn points(metric: &Metric) -> (u64, u64) {
    fn sum<'a, P: 'a>(points: &'a [P], exemplars: impl Fn(&'a P) -> &'a [Exemplar]) -> (u64, u64) {
        (count(points), points.iter().map(|point| count(exemplars(point))).sum())
    }
    match &metric.data {
        None => (0, 0),
        Some(Data::Gauge(data)) => sum(&data.data_points, |point| &point.exemplars),
        Some(Data::Sum(data)) => sum(&data.data_points, |point| &point.exemplars),
        Some(Data::Histogram(data)) => sum(&data.data_points, |point| &point.exemplars),
        Some(Data::ExponentialHistogram(data)) => sum(&data.data_points, |point| &point.exemplars),
        Some(Data::Summary(data)) => (count(&data.data_points), 0),
    }
}

fn count<T>(values: &[T]) -> u64 {
    values.len() as u64
}
