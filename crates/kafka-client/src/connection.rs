//! Hop 7: one connection to a broker, from its address to requests and answers, one at a time.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use kafka_wire::messages::{
    ApiVersionsRequest, ApiVersionsResponse, SaslAuthenticateRequest, SaslHandshakeRequest,
};
use kafka_wire::{ErrorCode, Message, Request, decode_response, encode_request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout, timeout_at};

use crate::security::{Conversation, Sasl, explain, printable};
use crate::stream::Stream;
use crate::versions::Versions;
use crate::{Error, HostPort, Settings, frame};

/// What this client calls itself to brokers (KIP-511).
const SOFTWARE: &str = "otlp2kafka";
/// The newest ApiVersions that is asked for first; brokers that do not know it answer in version 0.
const API_VERSIONS: i16 = 3;
/// A login is renewed when this share of its time has passed (KIP-368).
const RENEW_AFTER: f64 = 0.85;

/// A connection that is ready for requests.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) broker: HostPort,
    pub(crate) stream: Stream,
    /// Read, and not yet a whole answer.
    pub(crate) inbox: BytesMut,
    pub(crate) versions: Versions,
    pub(crate) correlation_id: i32,
    /// When the login has to be renewed (KIP-368).
    pub(crate) renew_at: Option<Instant>,
}

impl Connection {
    /// Connects, asks for versions and logs in, all within the time for the setup. That in which credentials are got
    /// does not count.
    pub(crate) async fn open(settings: &Settings, broker: &HostPort) -> Result<Self, Error> {
        let end = Instant::now() + settings.setup_timeout;
        let late = |_| timed_out(broker, "connection", settings.setup_timeout);
        let addresses = timeout_at(end, broker.resolve(&settings.lookups)).await.map_err(late)??;
        Self::open_one_of(settings, broker, addresses, end).await
    }

    /// The first address that works (KIP-602). Each has an equal share of the time that is left, so that one that is
    /// silent leaves some for the others. A broker that refuses the login would do so everywhere.
    async fn open_one_of(
        settings: &Settings,
        broker: &HostPort,
        addresses: Vec<SocketAddr>,
        mut end: Instant,
    ) -> Result<Self, Error> {
        let mut left = u32::try_from(addresses.len()).unwrap_or(u32::MAX);
        let mut reason: Option<Error> = None;
        for address in addresses {
            let share = end.saturating_duration_since(Instant::now()) / left.max(1);
            left = left.saturating_sub(1);
            let error = match Self::open_at(settings, broker, address, share, &mut end).await {
                Ok(connection) => return Ok(connection),
                Err(error @ (Error::Login { .. } | Error::Refused { .. })) => return Err(error),
                Err(error) => error,
            };
            if reason.as_ref().is_none_or(|known| known.weight() <= error.weight()) {
                reason = Some(error);
            }
        }
        Err(reason.unwrap_or_else(|| timed_out(broker, "connection", settings.setup_timeout)))
    }

    /// Connects and logs in within `share`. Whoever gives credentials has limits of its own (`sasl.login.*`) and is
    /// named when they are over; cut off at this share it might never give any. So `end`, of all addresses, moves by
    /// the time that it took.
    async fn open_at(
        settings: &Settings,
        broker: &HostPort,
        address: SocketAddr,
        share: Duration,
        end: &mut Instant,
    ) -> Result<Self, Error> {
        let late = |_| timed_out(broker, "connection", settings.setup_timeout);
        let until = Instant::now() + share;
        let mut connection =
            timeout_at(until, Self::reach(settings, broker, address)).await.map_err(late)??;
        let Some(sasl) = &settings.security.sasl else { return Ok(connection) };
        let began = Instant::now();
        let conversation = prepare_login(sasl, broker).await?;
        let taken = began.elapsed();
        *end += taken;
        let logging_in = connection.log_in_prepared(settings, conversation);
        timeout_at(until + taken, logging_in).await.map_err(late)??;
        Ok(connection)
    }

    /// Connects and asks for versions.
    async fn reach(settings: &Settings, broker: &HostPort, address: SocketAddr) -> Result<Self, Error> {
        let mut connection = Self {
            broker: broker.clone(),
            stream: Stream::connect(settings, broker, address).await?,
            inbox: BytesMut::new(),
            versions: Versions::default(),
            correlation_id: 0,
            renew_at: None,
        };
        connection.learn_versions(settings).await?;
        Ok(connection)
    }

    /// Sends a request in the newest common version and waits for its answer, at most the request timeout. After an
    /// error the connection is of no use any more.
    pub(crate) async fn ask<R: Request>(
        &mut self,
        settings: &Settings,
        request: &R,
    ) -> Result<R::Response, Error> {
        let version = self
            .versions
            .of::<R>()
            .ok_or_else(|| Error::Unsupported { broker: self.broker.clone(), api: R::KEY })?;
        self.ask_in(settings, version, request).await
    }

    /// As [`Self::ask`], in a version that the caller chose.
    pub(crate) async fn ask_in<R: Request>(
        &mut self,
        settings: &Settings,
        version: i16,
        request: &R,
    ) -> Result<R::Response, Error> {
        let frame = self.exchange(settings, version, request).await?;
        self.decode(version, frame)
    }

    async fn exchange<R: Request>(
        &mut self,
        settings: &Settings,
        version: i16,
        request: &R,
    ) -> Result<Bytes, Error> {
        self.correlation_id = self.correlation_id.wrapping_add(1);
        let mut frame = encode_request(self.correlation_id, Some(&settings.client_id), version, request)
            .map_err(|error| self.broken(error.to_string()))?;
        let asking = async {
            while frame.has_remaining() {
                self.stream.write_buf(&mut frame).await.map_err(|error| lost(&self.broker, &error))?;
            }
            self.stream.flush().await.map_err(|error| lost(&self.broker, &error))?;
            self.frame(settings.response_bytes_max).await
        };
        let limit = settings.request_timeout;
        match timeout(limit, asking).await {
            Ok(answer) => answer,
            Err(_) => Err(timed_out(&self.broker, "answer", limit)),
        }
    }

    async fn frame(&mut self, bytes_max: usize) -> Result<Bytes, Error> {
        loop {
            match frame::take(&mut self.inbox, bytes_max) {
                Ok(Some(frame)) => return Ok(frame),
                Ok(None) => {}
                Err(error) => return Err(self.broken(error.to_string())),
            }
            let read = self.stream.read_buf(&mut self.inbox).await;
            match read {
                Ok(0) => {
                    let why = "closed by the broker".to_owned();
                    return Err(Error::Lost { broker: self.broker.clone(), why });
                }
                Ok(_) => {}
                Err(error) => return Err(lost(&self.broker, &error)),
            }
        }
    }

    fn decode<M: Message>(&self, version: i16, frame: Bytes) -> Result<M, Error> {
        let (correlation_id, answer) =
            decode_response::<M>(frame, version).map_err(|error| self.broken(error.to_string()))?;
        if correlation_id != self.correlation_id {
            return Err(self.broken(format!("answer {correlation_id} to request {}", self.correlation_id)));
        }
        Ok(answer)
    }

    /// The error for an answer that breaks the protocol.
    pub(crate) fn broken(&self, why: String) -> Error {
        Error::Protocol { broker: self.broker.clone(), why }
    }

    /// Asks in a version that Kafka from 2.4 on knows, then as a broker that does not know it wants (KIP-511).
    async fn learn_versions(&mut self, settings: &Settings) -> Result<(), Error> {
        let request = ApiVersionsRequest {
            client_software_name: SOFTWARE.to_owned(),
            client_software_version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        let frame = self.exchange(settings, API_VERSIONS, &request).await?;
        let error_at = frame.get(4..6).map(|bytes| i16::from_be_bytes([bytes[0], bytes[1]]));
        let answer: ApiVersionsResponse = if error_at == Some(ErrorCode::UNSUPPORTED_VERSION.0) {
            self.ask_in(settings, 0, &request).await?
        } else {
            self.decode(API_VERSIONS, frame)?
        };
        if !answer.error_code.is_none() {
            let what = format!("versions of {}", self.broker);
            return Err(Error::Refused { what, code: answer.error_code, message: None });
        }
        self.versions = Versions::new(&answer.api_keys);
        Ok(())
    }

    /// Logs in, or renews the login; nothing else may be on its way.
    pub(crate) async fn log_in(&mut self, settings: &Settings) -> Result<(), Error> {
        let Some(sasl) = &settings.security.sasl else { return Ok(()) };
        self.shake_hands(settings, sasl).await?;
        let conversation = prepare_login(sasl, &self.broker).await?;
        self.converse(settings, sasl, conversation).await
    }

    /// As [`Self::log_in`], with what [`prepare_login`] has prepared: it takes no longer than the exchange.
    pub(crate) async fn log_in_prepared(
        &mut self,
        settings: &Settings,
        conversation: Box<dyn Conversation>,
    ) -> Result<(), Error> {
        let Some(sasl) = &settings.security.sasl else { return Ok(()) };
        self.shake_hands(settings, sasl).await?;
        self.converse(settings, sasl, conversation).await
    }

    async fn converse(
        &mut self,
        settings: &Settings,
        sasl: &Sasl,
        mut conversation: Box<dyn Conversation>,
    ) -> Result<(), Error> {
        let mut challenge: Option<Bytes> = None;
        let mut lifetime_ms = 0;
        loop {
            let said = conversation
                .respond(challenge.as_deref())
                .map_err(|error| login_failed(sasl, &self.broker, error.to_string()))?;
            let Some(said) = said else { break };
            let answer = self
                .ask(settings, &SaslAuthenticateRequest { auth_bytes: said.into() })
                .await
                .map_err(|error| match error {
                    Error::Lost { broker, why } => login_failed(sasl, &broker, why),
                    other => other,
                })?;
            if !answer.error_code.is_none() {
                let why = answer.error_message.unwrap_or_else(|| answer.error_code.to_string());
                return Err(login_failed(sasl, &self.broker, printable(why.as_bytes())));
            }
            lifetime_ms = answer.session_lifetime_ms;
            challenge = Some(answer.auth_bytes);
        }
        self.renew_at = u64::try_from(lifetime_ms)
            .ok()
            .filter(|ms| *ms > 0)
            .map(|ms| Instant::now() + Duration::from_millis(ms).mul_f64(RENEW_AFTER));
        Ok(())
    }

    async fn shake_hands(&mut self, settings: &Settings, sasl: &Sasl) -> Result<(), Error> {
        let mechanism = sasl.mechanism().to_owned();
        let answer = self.ask_in(settings, 1, &SaslHandshakeRequest { mechanism }).await?;
        if answer.error_code.is_none() {
            return Ok(());
        }
        let why = format!(
            "{}; the broker has {}",
            answer.error_code,
            printable(answer.mechanisms.join(", ").as_bytes())
        );
        Err(login_failed(sasl, &self.broker, why))
    }
}

/// Begins a login with a broker. A token that has to be fetched is fetched here.
pub(crate) async fn prepare_login(sasl: &Sasl, broker: &HostPort) -> Result<Box<dyn Conversation>, Error> {
    sasl.begin(&broker.host).await.map_err(|error| login_failed(sasl, broker, error.to_string()))
}

fn login_failed(sasl: &Sasl, broker: &HostPort, why: String) -> Error {
    Error::Login { broker: broker.clone(), mechanism: sasl.mechanism(), why }
}

/// The error for a connection that broke.
pub(crate) fn lost(broker: &HostPort, error: &std::io::Error) -> Error {
    Error::Lost { broker: broker.clone(), why: explain(error) }
}

/// The error for something that took too long.
pub(crate) fn timed_out(broker: &HostPort, what: &'static str, after: Duration) -> Error {
    let after_ms = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
    Error::TimedOut { broker: broker.clone(), what, after_ms }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use kafka_wire::ApiKey;
    use kafka_wire::messages::{SaslAuthenticateResponse, SaslHandshakeResponse};
    use tokio::net::TcpListener;

    use super::*;
    use crate::security::{ClientCredentials, OAuthBearer, Secret, TokenSource};
    use crate::testing::{Say, Scripted, settings};

    #[tokio::test]
    async fn addresses_that_are_closed_silent_or_no_brokers_leave_time_for_the_next() {
        let broker = Scripted::start(|_| Say::Close).await;
        // Its backlog takes connections that nobody answers.
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let other = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let other_addr = other.local_addr().unwrap();
        let says_hello = tokio::spawn(async move {
            let (mut stream, _) = other.accept().await.unwrap();
            stream.write_all(b"220 mail.example.com ready\r\n").await.unwrap();
            stream
        });
        let mut settings = settings(broker.addr);
        settings.setup_timeout = Duration::from_secs(2);
        let name: HostPort = "kafka:9092".parse().unwrap();
        let open = |addresses: Vec<SocketAddr>| {
            let end = Instant::now() + settings.setup_timeout;
            Connection::open_one_of(&settings, &name, addresses, end)
        };
        let all = vec![closed, silent.local_addr().unwrap(), other_addr, broker.addr];
        let connection = open(all).await.unwrap();
        assert_eq!(connection.broker, name);
        drop(says_hello.await.unwrap());
        // The last one's reason, and what a silent one says for itself.
        let error = open(vec![closed]).await.unwrap_err();
        assert!(error.to_string().contains(&closed.to_string()), "{error}");
        let error = open(vec![closed, silent.local_addr().unwrap()]).await.unwrap_err();
        assert!(matches!(error, Error::TimedOut { .. }), "{error}");
    }
    /// An endpoint that gives a token after this time.
    async fn endpoint(after: Duration) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/token", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = Vec::new();
                while !request.ends_with(b"grant_type=client_credentials") {
                    assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0);
                }
                tokio::time::sleep(after).await;
                let body = r#"{"access_token":"abc","expires_in":100}"#;
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
                // Whoever asked may have gone.
                drop(stream.write_all(format!("{head}{body}").as_bytes()).await);
            }
        });
        url
    }

    /// Opens a connection with a token of this endpoint, which may take 700 ms, in 300 ms of its own.
    async fn open_with_token_of(url: &str) -> Result<(), String> {
        let broker = Scripted::start(|asked| match asked.header.api_key {
            ApiKey::SaslHandshake => asked.with(&SaslHandshakeResponse::default()),
            _ => asked.with(&SaslAuthenticateResponse::default()),
        })
        .await;
        let limit = Duration::from_millis(700);
        let credentials = ClientCredentials {
            url: url.to_owned(),
            client_id: "id".to_owned(),
            client_secret: Secret::new("secret"),
            scope: None,
            header_urlencode: false,
            connect_timeout: limit,
            read_timeout: limit,
            tls: None,
            lookups: crate::Lookups::default(),
        };
        let sasl = OAuthBearer::new(TokenSource::Endpoint(credentials), BTreeMap::new()).unwrap();
        let mut settings = settings(broker.addr);
        settings.security.sasl = Some(Sasl::OAuthBearer(sasl));
        settings.setup_timeout = Duration::from_millis(300);
        let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let name: HostPort = "kafka:9092".parse().unwrap();
        let end = Instant::now() + settings.setup_timeout;
        let opened = Connection::open_one_of(&settings, &name, vec![broker.addr, closed], end).await;
        opened.map(drop).map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn the_time_for_the_setup_does_not_count_while_a_token_is_fetched() {
        assert_eq!(open_with_token_of(&endpoint(Duration::from_millis(450)).await).await, Ok(()));
    }

    #[tokio::test]
    async fn an_endpoint_that_gives_no_token_is_named() {
        let url = endpoint(Duration::from_secs(60)).await;
        let error = open_with_token_of(&url).await.unwrap_err();
        assert!(error.contains(&format!("no token from {url}: no answer within 700 ms")), "{error}");
    }
}
