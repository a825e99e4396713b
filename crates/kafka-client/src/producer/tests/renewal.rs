//! Logins that end soon, under load: what comes meanwhile waits for the exchange alone.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};

use kafka_wire::messages::*;
use kafka_wire::{ApiKey, ErrorCode, Message};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::scripted::answer;
use super::*;
use crate::Settings;
use crate::security::{ClientCredentials, Login, OAuthBearer, ReadFile, Sasl, Secret, TokenSource};
use crate::testing::{Say, Scripted, settings};

/// How long a login lasts; long enough that it is not yet renewed when the first record is under way.
const LIFETIME: Duration = Duration::from_secs(1);

/// A broker that takes every login.
struct Broker {
    scripted: Scripted,
    /// What it says of the next logins.
    lifetime_ms: Arc<AtomicI64>,
    logins: Arc<AtomicUsize>,
    produced: Arc<AtomicUsize>,
    /// While there is no permit, Produce requests are not answered.
    gate: Arc<Semaphore>,
}

impl Broker {
    async fn start() -> Self {
        let lifetime_ms = Arc::new(AtomicI64::new(i64::try_from(LIFETIME.as_millis()).unwrap()));
        let lasts = Arc::clone(&lifetime_ms);
        let (logins, produced, gate) = (Arc::default(), Arc::default(), Arc::new(Semaphore::new(0)));
        let (counted, made, held) = (Arc::clone(&logins), Arc::clone(&produced), Arc::clone(&gate));
        let scripted = Scripted::start(move |asked| match asked.header.api_key {
            ApiKey::Metadata => asked.with(&asked.metadata()),
            ApiKey::InitProducerId => {
                asked.with(&InitProducerIdResponse { producer_id: 7, ..Default::default() })
            }
            ApiKey::SaslHandshake => asked.with(&SaslHandshakeResponse::default()),
            ApiKey::SaslAuthenticate => {
                AtomicUsize::fetch_add(&counted, 1, Ordering::SeqCst);
                asked.with(&SaslAuthenticateResponse {
                    session_lifetime_ms: lasts.load(Ordering::SeqCst),
                    ..Default::default()
                })
            }
            ApiKey::Produce => {
                AtomicUsize::fetch_add(&made, 1, Ordering::SeqCst);
                let request = ProduceRequest::decode(&mut asked.body, asked.header.api_version).unwrap();
                match asked.with(&answer(&request, ErrorCode::NONE)) {
                    Say::Bytes(bytes) => Say::Held(Arc::clone(&held), bytes),
                    other => other,
                }
            }
            other => panic!("{other:?} was not expected"),
        })
        .await;
        Self { scripted, lifetime_ms, logins, produced, gate }
    }

    fn bench(&self, sasl: Sasl) -> Bench {
        let mut settings: Settings = settings(self.scripted.addr);
        settings.security.sasl = Some(sasl);
        Bench::new(Cluster::new(settings), ProducerSettings::default())
    }

    /// Logins from now on last, so that nothing but the renewal that is due can make anything go on.
    fn let_logins_last(&self) {
        self.lifetime_ms.store(0, Ordering::SeqCst);
    }

    fn logins(&self) -> usize {
        self.logins.load(Ordering::SeqCst)
    }
}

async fn until(what: &str, condition: impl Fn() -> bool) {
    let holds = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(WAIT, holds).await.unwrap_or_else(|_| panic!("{what}"));
}

#[test]
fn a_record_that_comes_while_the_renewal_waits_for_answers_goes_right_after_it() {
    on_worker(async {
        let broker = Broker::start().await;
        let login = Login { username: "alice".to_owned(), password: Secret::new("secret") };
        let mut bench = broker.bench(Sasl::Plain(login));
        bench.send("under way when the login is to be renewed");
        until("the first request is there", || broker.produced.load(Ordering::SeqCst) == 1).await;
        broker.let_logins_last();
        let before = broker.logins();
        // The login's time passes; nothing shows that the client knows.
        tokio::time::sleep(LIFETIME).await;
        bench.send("in between");
        // The client's task is awake before the answer is.
        tokio::task::yield_now().await;
        assert_eq!(broker.produced.load(Ordering::SeqCst), 1);
        broker.gate.add_permits(2);
        assert_eq!(bench.settled().await, []);
        assert!(broker.logins() > before);
        assert_eq!((bench.count("connections_opened"), bench.count("connections_lost")), (1, 0));
    });
}

thread_local! {
    /// Done when a token is read the next time.
    static MEANWHILE: RefCell<Option<Box<dyn FnOnce()>>> = const { RefCell::new(None) };
}

#[test]
fn a_record_that_comes_with_the_token_goes_right_after_the_exchange() {
    on_worker(async {
        let broker = Broker::start().await;
        broker.gate.add_permits(2);
        let read: ReadFile = Arc::new(|_| {
            if let Some(meanwhile) = MEANWHILE.take() {
                meanwhile();
            }
            Ok(b"token".to_vec())
        });
        let source = TokenSource::File { path: "token".to_owned(), read };
        let mut bench = broker.bench(Sasl::OAuthBearer(OAuthBearer::new(source, BTreeMap::new()).unwrap()));
        bench.send("opens the connection");
        assert_eq!(bench.settled().await, []);
        broker.let_logins_last();
        let before = broker.logins();
        // It rings before the token does, and the broker's task hears both at once.
        let (producer, record) = (bench.producer.clone(), bench.record("meanwhile"));
        MEANWHILE.set(Some(Box::new(move || producer.send(record))));
        // Whoever waits for all reports would wake the task.
        until("it has its report", || bench.outcomes.borrow().len() == 2).await;
        assert_eq!(bench.failures(), []);
        assert!(broker.logins() > before);
        assert_eq!((bench.count("connections_opened"), bench.count("connections_lost")), (1, 0));
    });
}

/// An endpoint whose tokens live for a second, and those asked for while `closed` come with a permit.
async fn endpoint(closed: Arc<AtomicBool>, asked: Arc<AtomicUsize>, gate: Arc<Semaphore>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = Vec::new();
            while !request.ends_with(b"grant_type=client_credentials") {
                assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0);
            }
            if closed.load(Ordering::SeqCst) {
                asked.fetch_add(1, Ordering::SeqCst);
                gate.acquire().await.unwrap().forget();
            }
            let body = r#"{"access_token":"abc","expires_in":1}"#;
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
            // Whoever asked may have gone.
            drop(stream.write_all(format!("{head}{body}").as_bytes()).await);
        }
    });
    url
}

#[test]
fn records_go_on_while_the_token_for_the_renewal_is_fetched() {
    on_worker(async {
        let (closed, asked, gate) = (Arc::default(), Arc::default(), Arc::new(Semaphore::new(0)));
        let url = endpoint(Arc::clone(&closed), Arc::clone(&asked), Arc::clone(&gate)).await;
        let credentials = ClientCredentials {
            url,
            client_id: "id".to_owned(),
            client_secret: Secret::new("secret"),
            scope: None,
            header_urlencode: false,
            connect_timeout: WAIT,
            read_timeout: WAIT,
            tls: None,
            lookups: crate::Lookups::default(),
        };
        let sasl = OAuthBearer::new(TokenSource::Endpoint(credentials), BTreeMap::new()).unwrap();
        let broker = Broker::start().await;
        broker.gate.add_permits(100);
        let mut bench = broker.bench(Sasl::OAuthBearer(sasl));
        bench.send("opens the connection");
        assert_eq!(bench.settled().await, []);
        broker.let_logins_last();
        closed.store(true, Ordering::SeqCst);
        until("a token is asked for", || asked.load(Ordering::SeqCst) > 0).await;
        let before = broker.logins();
        for _ in 0..10 {
            bench.send("meanwhile");
            assert_eq!(bench.settled().await, []);
        }
        assert_eq!(broker.logins(), before);
        closed.store(false, Ordering::SeqCst);
        gate.add_permits(1);
        until("the login is renewed", || broker.logins() > before).await;
        bench.send("afterwards");
        assert_eq!(bench.settled().await, []);
        assert_eq!((bench.count("connections_opened"), bench.count("connections_lost")), (1, 0));
    });
}
