//! Hop 7: credentials of AWS, looked for where its own libraries look, in their order.
//!
//! ```text
//!  variables ─► web identity (STS) ─► profile ─► container ─► instance
//! ```

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{Method, Request};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use tokio::sync::Mutex;

use super::endpoint::{Limits, address, exchange, place};
use super::sasl::SaslError;
use super::{Secret, Surroundings, Tls, TlsOptions};
use crate::Lookups;

mod profile;

#[cfg(fuzzing)]
pub(super) use profile::section;

/// Those of an endpoint are used until so long before they end.
const RENEWED_BEFORE: Duration = Duration::from_secs(300);
/// An endpoint is near, or is AWS itself.
const LIMITS: Limits = Limits { connect: Duration::from_secs(2), answer: Duration::from_secs(10) };
/// Where containers of ECS ask (`AWS_CONTAINER_CREDENTIALS_RELATIVE_URI`).
const CONTAINER: &str = "http://169.254.170.2";
/// Where instances of EC2 ask.
const INSTANCE: &str = "http://169.254.169.254";
/// Hosts to which a container's URL may lead without TLS, beside the own machine: ECS, and EKS (both of its addresses).
const CONTAINER_HOSTS: [&str; 3] = ["169.254.170.2", "169.254.170.23", "fd00:ec2::23"];
/// How long a token of an instance's service is good, in seconds.
const INSTANCE_TOKEN_S: &str = "21600";

/// An access key of AWS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsCredentials {
    /// `AWS_ACCESS_KEY_ID`.
    pub access_key_id: String,
    /// `AWS_SECRET_ACCESS_KEY`.
    pub secret_access_key: Secret,
    /// `AWS_SESSION_TOKEN`, of roles.
    pub session_token: Option<Secret>,
    /// `AWS_REGION`, for brokers whose host names name none.
    pub region: Option<String>,
}

/// Where credentials are looked for at each login, since those of roles change. Clones share what was fetched last.
#[derive(Clone)]
pub struct AwsCredentialsProvider {
    surroundings: Surroundings,
    /// `awsProfileName`: this profile and nothing else.
    profile: Option<String>,
    fetched: Arc<Mutex<Option<(AwsCredentials, SystemTime)>>>,
}

impl fmt::Debug for AwsCredentialsProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsCredentialsProvider").field("profile", &self.profile).finish_non_exhaustive()
    }
}

/// Which source has its say.
#[derive(Debug)]
enum Origin {
    /// They are here.
    Here(AwsCredentials),
    /// A role, by a token of Kubernetes: the token's file, the role, the session's name.
    WebIdentity(String, String, String),
    /// A URL that gives them to this container.
    Container(String),
    /// The service of the instance of EC2.
    Instance(String),
}

impl AwsCredentialsProvider {
    /// Nothing is looked for yet. With a profile's name, only that profile counts.
    #[must_use]
    pub fn new(surroundings: Surroundings, profile: Option<String>) -> Self {
        Self { surroundings, profile, fetched: Arc::default() }
    }

    /// Whether there are credentials, as far as that is known without asking anybody.
    pub(super) fn check(&self) -> Result<(), SaslError> {
        match self.origin()? {
            Origin::Here(_) | Origin::Instance(_) => Ok(()),
            Origin::WebIdentity(file, ..) => self.text(&file).map(drop),
            Origin::Container(url) => address(&url).map(drop),
        }
    }

    /// The credentials of this moment.
    pub(super) async fn get(&self) -> Result<AwsCredentials, SaslError> {
        let origin = match self.origin()? {
            Origin::Here(credentials) => return Ok(credentials),
            other => other,
        };
        // Held while fetching, so that many connections at once fetch once.
        let mut fetched = self.fetched.lock().await;
        if let Some((credentials, _)) = fetched.as_ref().filter(|(_, until)| SystemTime::now() < *until) {
            return Ok(credentials.clone());
        }
        let (mut credentials, ends) = match origin {
            Origin::Here(credentials) => (credentials, None),
            Origin::WebIdentity(file, role, session) => self.web_identity(&file, &role, &session).await?,
            Origin::Container(url) => self.container(&url).await?,
            Origin::Instance(url) => instance(&self.surroundings.lookups, &url).await?,
        };
        credentials.region = self.region();
        *fetched = ends
            // An end that the clock cannot say is none that is known.
            .and_then(|ends| UNIX_EPOCH.checked_add(ends)?.checked_sub(RENEWED_BEFORE))
            .map(|until| (credentials.clone(), until));
        Ok(credentials)
    }

    fn variable(&self, name: &str) -> Option<String> {
        (self.surroundings.variable)(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    fn region(&self) -> Option<String> {
        self.variable("AWS_REGION").or_else(|| self.variable("AWS_DEFAULT_REGION"))
    }

    /// A file's text without the blanks around it.
    fn text(&self, path: &str) -> Result<String, SaslError> {
        let bytes = (self.surroundings.read)(path).map_err(|error| none(path, error.to_string()))?;
        let text = String::from_utf8(bytes).map_err(|_| none(path, "the file is not text".to_owned()))?;
        Ok(text.trim().to_owned())
    }

    fn origin(&self) -> Result<Origin, SaslError> {
        if let Some(name) = &self.profile {
            let missing = || none(&format!("profile {name}"), "no file of AWS has it".to_owned());
            return self.of_profile(name)?.map(Origin::Here).ok_or_else(missing);
        }
        let (key, secret) = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY");
        match (self.variable(key), self.variable(secret)) {
            (Some(access_key_id), Some(secret)) => {
                return Ok(Origin::Here(AwsCredentials {
                    access_key_id,
                    secret_access_key: Secret::new(secret),
                    session_token: self.variable("AWS_SESSION_TOKEN").map(Secret::new),
                    region: self.region(),
                }));
            }
            (Some(_), None) => return Err(none(secret, format!("it is not set, and {key} is"))),
            (None, Some(_)) => return Err(none(key, format!("it is not set, and {secret} is"))),
            (None, None) => {}
        }
        if let (Some(file), Some(role)) =
            (self.variable("AWS_WEB_IDENTITY_TOKEN_FILE"), self.variable("AWS_ROLE_ARN"))
        {
            let session = self.variable("AWS_ROLE_SESSION_NAME");
            return Ok(Origin::WebIdentity(file, role, session.unwrap_or_else(|| "otlp2kafka".to_owned())));
        }
        let named = self.variable("AWS_PROFILE");
        match (self.of_profile(named.as_deref().unwrap_or("default"))?, named) {
            (Some(credentials), _) => return Ok(Origin::Here(credentials)),
            (None, Some(name)) => {
                return Err(none(&format!("AWS_PROFILE {name}"), "no file of AWS has it".to_owned()));
            }
            (None, None) => {}
        }
        if let Some(path) = self.variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") {
            return Ok(Origin::Container(format!("{CONTAINER}{path}")));
        }
        let full = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
        if let Some(url) = self.variable(full) {
            let known = |host: &str| {
                CONTAINER_HOSTS.contains(&host)
                    || host == "localhost"
                    || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
            };
            let at = address(&url).map_err(|error| match error {
                SaslError::Token { why, .. } => none(full, why),
                other => other,
            })?;
            if at.uri.scheme_str() == Some("http") && !known(&at.host) {
                let why = "plain HTTP is for the own machine and for the addresses of ECS and EKS";
                return Err(none(&place(&url), why.to_owned()));
            }
            return Ok(Origin::Container(url));
        }
        if self.variable("AWS_EC2_METADATA_DISABLED").is_some_and(|it| it.eq_ignore_ascii_case("true")) {
            let why =
                "no variables, web identity, profile or container, and AWS_EC2_METADATA_DISABLED is set";
            return Err(none("the credentials of AWS", why.to_owned()));
        }
        let url = self.variable("AWS_EC2_METADATA_SERVICE_ENDPOINT");
        Ok(Origin::Instance(url.unwrap_or_else(|| INSTANCE.to_owned())))
    }

    /// `AssumeRoleWithWebIdentity` of STS, which needs no signature.
    async fn web_identity(&self, file: &str, role: &str, session: &str) -> Result<Fetched, SaslError> {
        let token = self.text(file)?;
        let url = self.variable("AWS_ENDPOINT_URL_STS").unwrap_or_else(|| match self.region() {
            Some(region) if region.starts_with("cn-") => format!("https://sts.{region}.amazonaws.com.cn"),
            Some(region) => format!("https://sts.{region}.amazonaws.com"),
            None => "https://sts.amazonaws.com".to_owned(),
        });
        let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let form = format!(
            "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn={}&RoleSessionName={}&WebIdentityToken={}",
            encoded(role),
            encoded(session),
            encoded(&token)
        );
        let request = Request::builder()
            .method(Method::POST)
            .header("accept", "application/json")
            .header("content-type", "application/x-www-form-urlencoded");
        let answer = self.ask(&url, request, form).await?;
        let path = "/AssumeRoleWithWebIdentityResponse/AssumeRoleWithWebIdentityResult/Credentials";
        let told =
            answer.pointer(path).ok_or_else(|| none(&place(&url), "its answer has none".to_owned()))?;
        credentials(told, "SessionToken").map_err(|why| none(&place(&url), why.to_owned()))
    }

    async fn container(&self, url: &str) -> Result<Fetched, SaslError> {
        let token = match self.variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") {
            Some(file) => Some(self.text(&file)?),
            None => self.variable("AWS_CONTAINER_AUTHORIZATION_TOKEN"),
        };
        let mut request = Request::builder().header("accept", "application/json");
        if let Some(token) = token {
            request = request.header("authorization", token);
        }
        let told = self.ask(url, request, "").await?;
        credentials(&told, "Token").map_err(|why| none(&place(url), why.to_owned()))
    }

    /// JSON from an endpoint.
    async fn ask(
        &self,
        url: &str,
        request: http::request::Builder,
        body: impl Into<bytes::Bytes>,
    ) -> Result<Value, SaslError> {
        let at = address(url)?;
        let options = TlsOptions {
            trust: None,
            identity: None,
            verify_host_name: true,
            read: Arc::clone(&self.surroundings.read),
        };
        let tls = match at.uri.scheme_str() {
            Some("https") => Some(Tls::new(options).map_err(|error| none(&place(url), error.to_string()))?),
            _ => None,
        };
        let answer = exchange(&self.surroundings.lookups, &at, tls.as_ref(), LIMITS, request, body).await;
        let (status, body) = answer.map_err(|why| none(&place(url), why))?;
        if status != 200 {
            return Err(none(&place(url), format!("answered with status {status}")));
        }
        serde_json::from_slice(&body).map_err(|_| none(&place(url), "its answer is not JSON".to_owned()))
    }
}

/// Credentials, and when they end, since 1970.
type Fetched = (AwsCredentials, Option<Duration>);

/// The role of the instance (IMDSv2).
async fn instance(lookups: &Lookups, base: &str) -> Result<Fetched, SaslError> {
    let base = base.trim_end_matches('/');
    let ask = async |method: Method, path: &str, name: &str, value: &str| -> Result<String, SaslError> {
        let url = format!("{base}{path}");
        let request = Request::builder().method(method).header(name, value);
        let answer = exchange(lookups, &address(&url)?, None, LIMITS, request, "").await;
        match answer {
            Ok((200, body)) => Ok(String::from_utf8_lossy(&body).trim().to_owned()),
            Ok((status, _)) => Err(none(&place(&url), format!("answered with status {status}"))),
            // Outside of EC2 nobody is there: what else could be meant is said.
            Err(why) => Err(none(
                &place(&url),
                format!("{why}; no variables (AWS_ACCESS_KEY_ID, …), profile or container give them either"),
            )),
        }
    };
    let token = "x-aws-ec2-metadata-token";
    let ttl = "x-aws-ec2-metadata-token-ttl-seconds";
    let value = ask(Method::PUT, "/latest/api/token", ttl, INSTANCE_TOKEN_S).await?;
    let roles = "/latest/meta-data/iam/security-credentials/";
    let role = ask(Method::GET, roles, token, &value).await?;
    let role = role.lines().next().unwrap_or_default();
    let path = format!("{roles}{}", utf8_percent_encode(role, super::msk::UNRESERVED));
    let told = ask(Method::GET, &path, token, &value).await?;
    let told: Value =
        serde_json::from_str(&told).map_err(|_| none(base, "its answer is not JSON".to_owned()))?;
    credentials(&told, "Token").map_err(|why| none(base, why.to_owned()))
}

/// The members that all endpoints name alike, but for the session's token.
pub(super) fn credentials(told: &Value, token: &str) -> Result<Fetched, &'static str> {
    let text = |name: &str| told.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let credentials = AwsCredentials {
        access_key_id: text("AccessKeyId").ok_or("its answer has no AccessKeyId")?.to_owned(),
        secret_access_key: Secret::new(text("SecretAccessKey").ok_or("its answer has no SecretAccessKey")?),
        session_token: text(token).map(Secret::new),
        region: None,
    };
    // STS counts seconds, the others write the time.
    let ends = told.get("Expiration");
    let counted = ends.and_then(Value::as_f64).and_then(|ends| Duration::try_from_secs_f64(ends).ok());
    Ok((credentials, counted.or_else(|| ends.and_then(Value::as_str).and_then(since_1970))))
}

/// Seconds since 1970 of `2024-02-29T23:59:59Z`; parts of seconds are left out.
fn since_1970(text: &str) -> Option<Duration> {
    let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<u64>().ok();
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    if !text.ends_with('Z') || !(1970..9999).contains(&year) || !(1..=12).contains(&month) || day == 0 {
        return None;
    }
    // Years begin in March here, so that the leap day is the last one.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    Some(Duration::from_secs(days.checked_sub(719_468)? * 86_400 + hour * 3600 + minute * 60 + second))
}

fn none(place: &str, why: String) -> SaslError {
    SaslError::Token { place: place.to_owned(), why }
}

#[cfg(test)]
mod tests;
