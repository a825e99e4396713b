//! Hop 7: the security properties of Java's clients, checked and made into what this client takes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use rustls::ServerConfig;

use super::jaas::{Jaas, LoginModule};
use super::listener::{self, ClientAuth};
use super::{
    AwsCredentialsProvider, ClientCredentials, Login, OAuthBearer, Passwords, ReadFile, Sasl, SaslError,
    ScramHash, Secret, Security, Source, Store, Surroundings, Tls, TlsError, TlsOptions, TokenSource,
};

/// Properties by Java's names, without a prefix and trimmed.
pub type Given = BTreeMap<String, String>;

const PROTOCOL: &str = "security.protocol";
const MECHANISM: &str = "sasl.mechanism";
const JAAS: &str = "sasl.jaas.config";
const TRUST: &str = "ssl.truststore.location";
const TRUST_PEM: &str = "ssl.truststore.certificates";
const IDENTITY: &str = "ssl.keystore.location";
const CHAIN_PEM: &str = "ssl.keystore.certificate.chain";
const KEY_PEM: &str = "ssl.keystore.key";
const CLIENT_AUTH: &str = "ssl.client.auth";
const HOST_NAME: &str = "ssl.endpoint.identification.algorithm";
const TOKEN_URL: &str = "sasl.oauthbearer.token.endpoint.url";
const CLIENT_ID: &str = "sasl.oauthbearer.client.credentials.client.id";
const CLIENT_SECRET: &str = "sasl.oauthbearer.client.credentials.client.secret";
const SCOPE: &str = "sasl.oauthbearer.scope";
/// Where tokens may come from: Java's system properties, which are keys of the worker here.
pub const ALLOWED_URLS: &str = "org.apache.kafka.sasl.oauthbearer.allowed.urls";
/// As [`ALLOWED_URLS`], for files.
pub const ALLOWED_FILES: &str = "org.apache.kafka.sasl.oauthbearer.allowed.files";
/// Where Java waits for ever, this client waits so long for a token's endpoint.
const TOKEN_TIMEOUT_MS: u64 = 10_000;
/// Longest wait that can be asked for.
const TOKEN_TIMEOUT_MS_MAX: u64 = 3_600_000;
const MECHANISMS: &str = "PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER or AWS_MSK_IAM";
/// Classes that name what is built in.
const CALLBACKS: [(&str, &[&str]); 2] = [
    (
        "sasl.login.callback.handler.class",
        &[
            "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginCallbackHandler",
            "org.apache.kafka.common.security.oauthbearer.secured.OAuthBearerLoginCallbackHandler",
        ],
    ),
    ("sasl.client.callback.handler.class", &["software.amazon.msk.auth.iam.IAMClientCallbackHandler"]),
];

/// A mistake in the properties. Quotes no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The property to change.
    pub property: String,
    /// What is wrong with it.
    pub why: String,
}

impl Problem {
    fn new(property: &str, why: impl ToString) -> Self {
        Self { property: property.to_owned(), why: why.to_string() }
    }
}

/// What the properties ask for. Every store and token file is read and opened: a protection that is configured and
/// cannot be in force is a problem.
///
/// # Errors
///
/// All mistakes at once.
pub fn from_java(given: &Given, surroundings: &Surroundings) -> Result<Security, Vec<Problem>> {
    let mut reader = Reader { given, surroundings, problems: Vec::new() };
    let protocol = given.get(PROTOCOL).map_or("PLAINTEXT", String::as_str).to_ascii_uppercase();
    let (tls, sasl) = match protocol.as_str() {
        "PLAINTEXT" => (false, false),
        "SSL" => (true, false),
        "SASL_PLAINTEXT" => (false, true),
        "SASL_SSL" => (true, true),
        _ => {
            reader.problem(PROTOCOL, "must be PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL");
            (false, false)
        }
    };
    let tls = if tls { reader.tls() } else { None };
    let sasl = if sasl { reader.sasl() } else { None };
    if reader.problems.is_empty() { Ok(Security { tls, sasl }) } else { Err(reader.problems) }
}

/// TLS of a listener: its certificate from `ssl.keystore.*`, and by `ssl.client.auth` those of its clients, which
/// `ssl.truststore.*` vouches for. The stores are read here, once.
///
/// # Errors
///
/// All mistakes at once.
pub fn server(given: &Given, read: ReadFile) -> Result<Arc<ServerConfig>, Vec<Problem>> {
    let surroundings = Surroundings::files(read);
    let mut reader = Reader { given, surroundings: &surroundings, problems: Vec::new() };
    let demand = match reader.text(CLIENT_AUTH).unwrap_or("none") {
        "none" => ClientAuth::None,
        "requested" => ClientAuth::Requested,
        "required" => ClientAuth::Required,
        _ => {
            reader.problem(CLIENT_AUTH, "must be none, requested or required");
            ClientAuth::None
        }
    };
    let identity = reader.identity();
    if identity.is_none() && reader.problems.is_empty() {
        reader.problem(IDENTITY, "is missing: HTTPS needs a certificate and its key");
    }
    let trust = reader.trust();
    if trust.is_none() && demand != ClientAuth::None && reader.problems.is_empty() {
        reader.problem(TRUST, format!("is missing, and {CLIENT_AUTH} asks clients for their certificates"));
    }
    let Some(identity) = identity.filter(|_| reader.problems.is_empty()) else { return Err(reader.problems) };
    listener::config(&identity, trust.as_ref(), demand, &*surroundings.read).map_err(|error| {
        let property = if matches!(error, TlsError::Trust { .. }) { TRUST } else { IDENTITY };
        vec![Problem::new(property, error)]
    })
}

struct Reader<'a> {
    given: &'a Given,
    surroundings: &'a Surroundings,
    problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    fn problem(&mut self, property: &str, why: impl ToString) {
        self.problems.push(Problem::new(property, why));
    }

    /// A property that is there and not empty.
    fn text(&self, property: &str) -> Option<&'a str> {
        self.given.get(property).map(|text| text.trim()).filter(|text| !text.is_empty())
    }

    /// A secret, untrimmed: blanks may be of it.
    fn secret(&self, property: &str) -> Option<Secret> {
        self.given.get(property).filter(|text| !text.is_empty()).map(Secret::new)
    }

    fn tls(&mut self) -> Option<Tls> {
        let before = self.problems.len();
        for property in ["ssl.truststore.type", "ssl.keystore.type"] {
            let known = ["PEM", "JKS", "PKCS12"];
            if self.text(property).is_some_and(|it| !known.iter().any(|known| known.eq_ignore_ascii_case(it)))
            {
                self.problem(property, "must be PEM, JKS or PKCS12");
            }
        }
        let verify_host_name = match self.given.get(HOST_NAME).map(|text| text.trim()) {
            None => true,
            Some("") => false,
            Some(text) if text.eq_ignore_ascii_case("https") => true,
            Some(_) => {
                self.problem(HOST_NAME, "must be https, or empty to accept certificates of any host name");
                true
            }
        };
        let trust = self.trust();
        let identity = self.identity();
        if self.problems.len() > before {
            return None;
        }
        let trust_property = if self.text(TRUST).is_some() { TRUST } else { TRUST_PEM };
        let identity_property = if self.text(IDENTITY).is_some() { IDENTITY } else { KEY_PEM };
        let read = Arc::clone(&self.surroundings.read);
        let tls = Tls::new(TlsOptions { trust, identity, verify_host_name, read });
        tls.map_err(|error| {
            let property = match error {
                TlsError::Trust { .. } => trust_property,
                TlsError::Identity { .. } => identity_property,
                TlsError::Platform { .. } => TRUST,
                TlsError::Rustls(_) => PROTOCOL,
            };
            self.problem(property, error);
        })
        .ok()
    }

    fn trust(&mut self) -> Option<Store> {
        let source = match (self.text(TRUST), self.text(TRUST_PEM)) {
            (Some(_), Some(_)) => {
                self.problem(TRUST_PEM, format!("{TRUST} is there too; only one of them is possible"));
                return None;
            }
            (Some(path), None) => Source::File(path.to_owned()),
            (None, Some(pem)) => Source::Inline(pem.as_bytes().to_vec()),
            (None, None) => {
                // A type alone changes nothing; a password was meant to be for something.
                if self.secret("ssl.truststore.password").is_some() {
                    self.problem(TRUST, "is missing, and ssl.truststore.password is there");
                }
                return None;
            }
        };
        let passwords = Passwords { store: self.secret("ssl.truststore.password"), key: None };
        Some(Store { source, passwords })
    }

    fn identity(&mut self) -> Option<Store> {
        let source = match (self.text(IDENTITY), self.text(CHAIN_PEM), self.text(KEY_PEM)) {
            (Some(path), None, None) => Source::File(path.to_owned()),
            (None, Some(chain), Some(key)) => Source::Inline(format!("{chain}\n{key}\n").into_bytes()),
            (None, None, None) => {
                for property in ["ssl.keystore.password", "ssl.key.password"] {
                    if self.secret(property).is_some() {
                        self.problem(IDENTITY, format!("is missing, and {property} is there"));
                    }
                }
                return None;
            }
            (Some(_), _, _) => {
                let why = format!("{CHAIN_PEM} or {KEY_PEM} is there too; only one of them is possible");
                self.problem(IDENTITY, why);
                return None;
            }
            (None, chain, _) => {
                let missing = if chain.is_some() { KEY_PEM } else { CHAIN_PEM };
                self.problem(missing, format!("is missing: {CHAIN_PEM} and {KEY_PEM} go together"));
                return None;
            }
        };
        let passwords =
            Passwords { store: self.secret("ssl.keystore.password"), key: self.secret("ssl.key.password") };
        Some(Store { source, passwords })
    }

    fn sasl(&mut self) -> Option<Sasl> {
        for (property, known) in CALLBACKS {
            if self.text(property).is_some_and(|class| !known.contains(&class)) {
                self.problem(property, "classes of Java can't be loaded");
            }
        }
        let mechanism = self.text(MECHANISM).map(str::to_ascii_uppercase);
        let jaas = match self.given.get(JAAS).map(|line| Jaas::parse(line)) {
            Some(Ok(jaas)) => Some(jaas),
            Some(Err(error)) => {
                self.problem(JAAS, error);
                None
            }
            None => {
                let why = "a SASL protocol needs a login line, for example: \
                    org.apache.kafka.common.security.scram.ScramLoginModule required username=\"…\" password=\"…\";";
                self.problem(JAAS, why);
                None
            }
        };
        let Some(mechanism) = mechanism else {
            let why = format!("must be set to {MECHANISMS}: Java's default, GSSAPI, is not built in");
            self.problem(MECHANISM, why);
            return None;
        };
        if mechanism == "GSSAPI" {
            self.problem(MECHANISM, format!("Kerberos is not built in; use {MECHANISMS}"));
            return None;
        }
        let wanted = match mechanism.as_str() {
            "PLAIN" => LoginModule::Plain,
            "SCRAM-SHA-256" | "SCRAM-SHA-512" => LoginModule::Scram,
            "OAUTHBEARER" => LoginModule::OAuthBearer,
            "AWS_MSK_IAM" => LoginModule::AwsMskIam,
            _ => {
                self.problem(MECHANISM, format!("must be {MECHANISMS}"));
                return None;
            }
        };
        let jaas = jaas?;
        if jaas.module != wanted {
            self.problem(JAAS, format!("its login module does not go with {MECHANISM} {mechanism}"));
            return None;
        }
        let sasl = match wanted {
            LoginModule::OAuthBearer => self.oauth(&jaas)?,
            LoginModule::AwsMskIam => self.aws(&jaas)?,
            LoginModule::Scram => self.scram(&mechanism, &jaas)?,
            _ => Sasl::Plain(self.login(&jaas)?),
        };
        if let Err(error) = sasl.check(&self.surroundings.read) {
            let property = if matches!(error, SaslError::Token { .. }) && matches!(sasl, Sasl::OAuthBearer(_))
            {
                TOKEN_URL
            } else {
                JAAS
            };
            self.problem(property, error);
        }
        Some(sasl)
    }

    fn login(&mut self, jaas: &Jaas) -> Option<Login> {
        let (username, password) = (jaas.options.get("username"), jaas.options.get("password"));
        for (option, value) in [("username", username), ("password", password)] {
            if value.is_none() {
                self.problem(JAAS, format!("has no {option}="));
            }
        }
        Some(Login { username: username?.reveal().to_owned(), password: password?.clone() })
    }

    fn scram(&mut self, mechanism: &str, jaas: &Jaas) -> Option<Sasl> {
        let hash = if mechanism == "SCRAM-SHA-256" { ScramHash::Sha256 } else { ScramHash::Sha512 };
        let token_auth =
            jaas.option("tokenauth").is_some_and(|value| value.reveal().eq_ignore_ascii_case("true"));
        Some(Sasl::Scram { hash, login: self.login(jaas)?, token_auth })
    }

    fn aws(&mut self, jaas: &Jaas) -> Option<Sasl> {
        const KNOWN: [&str; 2] = ["awsProfileName", "awsDebugCreds"];
        if let Some(option) = jaas.options.keys().find(|name| !KNOWN.contains(&name.as_str())) {
            // A name may be a secret that lost its quotes.
            let is_name = option.chars().all(|c| c.is_ascii_alphabetic());
            let option = if is_name { option.as_str() } else { "that is given" };
            let why = format!("the option {option} of IAMLoginModule is not built in");
            self.problem(JAAS, why);
            return None;
        }
        let profile = jaas.option("awsProfileName").map(|name| name.reveal().to_owned());
        Some(Sasl::AwsMskIam(AwsCredentialsProvider::new(self.surroundings.clone(), profile)))
    }

    fn oauth(&mut self, jaas: &Jaas) -> Option<Sasl> {
        let Some(url) = self.text(TOKEN_URL) else {
            let why = "is missing; unsecured tokens, Java's default for OAUTHBEARER, are not built in";
            self.problem(TOKEN_URL, why);
            return None;
        };
        let extensions = jaas.options.iter().filter_map(|(name, value)| {
            Some((name.strip_prefix("extension_")?.to_owned(), value.reveal().to_owned()))
        });
        let extensions = extensions.collect();
        let source = match url.get(..7) {
            Some(scheme) if scheme.eq_ignore_ascii_case("file://") => {
                let Some(path) = url.get(7..).filter(|path| path.starts_with('/')) else {
                    self.problem(TOKEN_URL, "a file is named as file:///path");
                    return None;
                };
                let path: Vec<u8> = percent_decode_str(path).collect();
                let path = String::from_utf8_lossy(&path).into_owned();
                let allowed = self.surroundings.tokens.files.as_ref();
                if allowed.is_some_and(|allowed| !allowed.contains(&path)) {
                    self.problem(TOKEN_URL, format!("is not among the files that {ALLOWED_FILES} allows"));
                    return None;
                }
                TokenSource::File { path, read: Arc::clone(&self.surroundings.read) }
            }
            _ => TokenSource::Endpoint(self.endpoint(url, jaas)?),
        };
        OAuthBearer::new(source, extensions)
            .map_err(|error| self.problem(JAAS, error))
            .ok()
            .map(Sasl::OAuthBearer)
    }

    fn endpoint(&mut self, url: &str, jaas: &Jaas) -> Option<ClientCredentials> {
        if self.surroundings.tokens.urls.as_ref().is_some_and(|allowed| !allowed.iter().any(|it| it == url)) {
            self.problem(TOKEN_URL, format!("is not among the URLs that {ALLOWED_URLS} allows"));
            return None;
        }
        let id = self.secret(CLIENT_ID).or_else(|| jaas.option("clientId").cloned());
        let secret = self.secret(CLIENT_SECRET).or_else(|| jaas.option("clientSecret").cloned());
        for (value, property, option) in
            [(&id, CLIENT_ID, "clientId"), (&secret, CLIENT_SECRET, "clientSecret")]
        {
            if value.is_none() {
                self.problem(JAAS, format!("has no {option}=, and {property} is not there either"));
            }
        }
        let scope = self.secret(SCOPE).or_else(|| jaas.option("scope").cloned());
        let connect_timeout = self.millis("sasl.login.connect.timeout.ms");
        let read_timeout = self.millis("sasl.login.read.timeout.ms");
        let header_urlencode = self
            .text("sasl.oauthbearer.header.urlencode")
            .is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let https = url.get(..8).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://"));
        let tls = if https { Some(self.tls_of_endpoint(jaas)?) } else { None };
        Some(ClientCredentials {
            url: url.to_owned(),
            client_id: id?.reveal().to_owned(),
            client_secret: secret?,
            scope: scope.map(|scope| scope.reveal().to_owned()),
            header_urlencode,
            connect_timeout,
            read_timeout,
            tls,
            lookups: self.surroundings.lookups.clone(),
        })
    }

    /// As in Java, `ssl.*` options of the login line are for the endpoint, and those of the broker are not.
    fn tls_of_endpoint(&mut self, jaas: &Jaas) -> Option<Tls> {
        let options = jaas.options.iter().filter(|(name, _)| name.starts_with("ssl."));
        let given: Given =
            options.map(|(name, value)| (name.clone(), value.reveal().trim().to_owned())).collect();
        let mut reader = Reader { given: &given, surroundings: self.surroundings, problems: Vec::new() };
        let tls = reader.tls();
        let problems = reader.problems;
        for problem in problems {
            self.problem(JAAS, format!("its option {}: {}", problem.property, problem.why));
        }
        tls
    }

    fn millis(&mut self, property: &str) -> Duration {
        let ms = match self.text(property).map(str::parse) {
            None => TOKEN_TIMEOUT_MS,
            Some(Ok(ms @ 1..=TOKEN_TIMEOUT_MS_MAX)) => ms,
            Some(_) => {
                self.problem(property, format!("must be milliseconds between 1 and {TOKEN_TIMEOUT_MS_MAX}"));
                TOKEN_TIMEOUT_MS
            }
        };
        Duration::from_millis(ms)
    }
}
