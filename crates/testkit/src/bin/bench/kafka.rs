//! The brokers that the servers write to: started when the first row needs them.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Result;
use testkit::kafka::{Cluster, Listener, Plan, ProduceRequests, Version};
use testkit::load::{self, Load, Watch};
use testkit::proxy::Proxy;

use crate::rows::{Build, Contender, DELAY, Place};

/// A new broker is slow until Java has compiled what it does most.
const WARMUP: Duration = Duration::from_secs(4);

/// The running ones.
#[derive(Default)]
pub(crate) struct Brokers {
    one: Option<One>,
    three: Option<Three>,
}

struct One {
    /// Before the cluster, so that it ends first.
    counts: Option<ProduceRequests>,
    _proxy: Proxy,
    cluster: Cluster,
    heard: Heard,
}

struct Three {
    cluster: Cluster,
    heard: Heard,
}

/// Which builds brokers have heard: each asks in versions of its own.
#[derive(Default)]
struct Heard(Vec<Build>);

impl Heard {
    /// Has brokers hear a build that is new to them for so long. Returns whether it was.
    fn hear(
        &mut self,
        build: Build,
        warmup: Duration,
        load: &Load,
        server: (SocketAddr, u32),
    ) -> Result<bool> {
        if self.0.contains(&build) {
            return Ok(false);
        }
        let warm = Load { pace: None, warmup, length: Duration::from_secs(1), ..load.clone() };
        load::run(&warm, server.0, &Watch { server: server.1, brokers: &[], count: &|| 0 })?;
        self.0.push(build);
        Ok(true)
    }
}

/// Brokers as their users run them, but that keep little: a row writes gigabytes.
fn plan(brokers: usize) -> Plan {
    Plan { full_size: true, ..Plan::new(Version::V4, brokers) }
        .property("log.retention.bytes", 64 << 20)
        .property("log.segment.bytes", 64 << 20)
        .property("log.retention.check.interval.ms", 1000)
        .property("log.segment.delete.delay.ms", 1000)
        .property("log.initial.task.delay.ms", 1000)
}

impl Brokers {
    fn one(&mut self) -> &mut One {
        self.one.get_or_insert_with(|| {
            let cluster = Cluster::start(Plan { jmx: true, ..plan(1) });
            let proxy = Proxy::start(&cluster.fronts());
            proxy.delay(0, DELAY);
            One { counts: None, _proxy: proxy, cluster, heard: Heard::default() }
        })
    }

    fn three(&mut self) -> &mut Three {
        self.three.get_or_insert_with(|| Three { cluster: Cluster::start(plan(3)), heard: Heard::default() })
    }

    /// Where clients begin.
    pub(crate) fn bootstrap(&mut self, place: Place) -> String {
        match place {
            Place::One => self.one().cluster.bootstrap(Listener::Plaintext),
            Place::Far => self.one().cluster.bootstrap(Listener::Proxied),
            Place::Three => self.three().cluster.bootstrap(Listener::Plaintext),
        }
    }

    /// Whose CPU time counts.
    pub(crate) fn pids(&mut self, place: Place) -> Vec<u32> {
        match place {
            Place::One | Place::Far => self.one().cluster.pids(),
            Place::Three => self.three().cluster.pids(),
        }
    }

    /// The broker's count of requests; `None` for servers that write elsewhere. Warms it up first.
    pub(crate) fn counts(
        &mut self,
        contender: &Contender,
        load: &Load,
        server: (SocketAddr, u32),
    ) -> Result<Option<&ProduceRequests>> {
        if !matches!(contender.build, Build::Native | Build::Librdkafka) {
            return Ok(None);
        }
        if contender.place == Place::Three {
            // They share the cores.
            self.three().heard.hear(contender.build, 3 * WARMUP, load, server)?;
            return Ok(None);
        }
        let one = self.one();
        if one.heard.hear(contender.build, WARMUP, load, server)? {
            // The tool shows what there was when it began.
            one.counts = None;
        }
        Ok(Some(one.counts.get_or_insert_with(|| one.cluster.produce_requests(0))))
    }
}
