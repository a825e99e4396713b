//! What tests of connectors stand on: workers, a board, and the embedded broker.

use std::any::Any;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use admin::{Pairs, Target};
use pipeline::{Families, Switch, drain};
use receiver::Workers;
use tempfile::TempDir;

use super::life::Life;
use super::{Board, Memory, World};
use crate::embedded::Embedded;
use crate::settings::{Author, Definition, Sources, load};

/// A worker without connectors.
pub(super) struct Around {
    pub(super) world: Arc<World>,
    pub(super) data: TempDir,
    _kafka: Box<dyn Any>,
    _switch: Switch,
}

impl Around {
    pub(super) async fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        let broker = Embedded::start(0, data.path(), 1 << 20).await.unwrap();
        let addr = broker.addr();
        Self::before(data, addr, broker, Duration::from_secs(5))
    }

    /// Before a Kafka that takes connections and never answers.
    pub(super) fn silent(graceful: Duration) -> Self {
        let kafka = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = kafka.local_addr().unwrap();
        Self::before(tempfile::tempdir().unwrap(), addr, kafka, graceful)
    }

    fn before(data: TempDir, addr: SocketAddr, kafka: impl Any, graceful: Duration) -> Self {
        let options = [format!("bootstrap.servers={addr}")];
        let Ok(settings) = load(&Sources { options: &options, ..Sources::default() }) else {
            panic!("the defaults are right");
        };
        let (publisher, _) = admin::connectors();
        let (switch, drain) = drain();
        let world = World {
            ground: settings.ground,
            workers: Workers::start(1).unwrap().0,
            memory: Memory::new(settings.memory.total_bytes, settings.memory.reserve_bytes),
            board: Arc::new(Board::new(publisher, "worker", Families::default())),
            drain,
            graceful,
            laptop: false,
            holders: Mutex::default(),
        };
        Self { world: Arc::new(world), data, _kafka: Box::new(kafka), _switch: switch }
    }

    /// The life of the connector `c`, which has got no order yet.
    pub(super) fn life(&self) -> Life {
        let definition = definition("c", &[]);
        let ticket = self.world.board.add("c", &definition.config);
        Life::new(Arc::clone(&self.world), ticket, definition, Target::Started)
    }
}

/// A connector on a port that is free.
pub(super) fn definition(name: &str, more: &[(&str, &str)]) -> Definition {
    let port = testkit::ports::free().to_string();
    let mut config: Pairs = [
        ("name", name),
        ("connector.class", "OpenTelemetrySource"),
        ("otlp.grpc.enabled", "false"),
        ("otlp.http.port", &port),
        ("otlp.bind.address", "127.0.0.1"),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into();
    config.extend(more.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
    Definition { name: name.to_owned(), config, author: Author::Rest, owners: Pairs::new() }
}

/// What comes sooner or later, as long as nothing is broken.
pub(super) async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), what).await.expect("it comes")
}
