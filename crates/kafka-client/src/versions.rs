//! Hop 7: which version of each API to speak with one broker.

use kafka_wire::messages::ApiVersion;
use kafka_wire::{ApiKey, Request};

/// What one broker speaks and we do too.
#[derive(Debug, Clone, Default)]
pub(crate) struct Versions {
    /// For each key of [`ApiKey::ALL`] that both know: the newest common version, and the oldest.
    common: Vec<(ApiKey, i16, i16)>,
}

impl Versions {
    pub(crate) fn new(offered: &[ApiVersion]) -> Self {
        let common = offered.iter().filter_map(|theirs| {
            let key = ApiKey::from_code(theirs.api_key)?;
            let ours = key.versions();
            let (low, high) = (theirs.min_version.max(*ours.start()), theirs.max_version.min(*ours.end()));
            (low <= high).then_some((key, high, low))
        });
        Self { common: common.collect() }
    }

    /// The newest version of the request's API that both speak, at most `newest`.
    pub(crate) fn of_at_most<R: Request>(&self, newest: i16) -> Option<i16> {
        let (_, high, low) = self.common.iter().find(|(key, ..)| *key == R::KEY)?;
        let version = (*high).min(newest);
        (version >= *low).then_some(version)
    }

    /// The newest version of the request's API that both speak.
    pub(crate) fn of<R: Request>(&self) -> Option<i16> {
        self.of_at_most::<R>(i16::MAX)
    }
}

#[cfg(test)]
mod tests {
    use kafka_wire::messages::{MetadataRequest, ProduceRequest};

    use super::*;

    fn offered(api_key: ApiKey, min_version: i16, max_version: i16) -> ApiVersion {
        ApiVersion { api_key: api_key.code(), min_version, max_version }
    }

    #[test]
    fn the_newest_common_version_is_spoken() {
        let versions = Versions::new(&[
            offered(ApiKey::Produce, 0, 9),
            offered(ApiKey::Metadata, 100, 101),
            ApiVersion { api_key: 999, min_version: 0, max_version: 1 },
        ]);
        assert_eq!(versions.of::<ProduceRequest>(), Some(9));
        assert_eq!(versions.of_at_most::<ProduceRequest>(7), Some(7));
        assert_eq!(versions.of::<MetadataRequest>(), None);
    }
}
