//! Hop 7: AWS_MSK_IAM: a request to AWS, signed (Signature Version 4) and not sent, proves to Amazon MSK who logs in.

use std::time::{SystemTime, UNIX_EPOCH};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use ring::{digest, hmac};

use super::Secret;
use super::aws::{AwsCredentials, AwsCredentialsProvider};
use super::sasl::{Conversation, SaslError};

const ACTION: &str = "kafka-cluster:Connect";
const SERVICE: &str = "kafka-cluster";
const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// How long the signature is good; that of AWS's own library.
const EXPIRES_S: &str = "900";
/// The version of the payload.
const VERSION: &str = "2020_10_22";
/// What a canonical query leaves as it is (RFC 3986, unreserved).
pub(super) const UNRESERVED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Signs for a broker.
pub(super) async fn begin(provider: &AwsCredentialsProvider, host: &str) -> Result<Signed, SaslError> {
    let credentials = provider.get().await?;
    let region = region(host).or(credentials.region.as_deref()).ok_or(SaslError::Credentials {
        what: "the broker's host name",
        why: "names no region of AWS, such as b-1.demo.c2.kafka.eu-west-1.amazonaws.com, and AWS_REGION is not set",
    })?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    Ok(Signed(Some(payload(&credentials, host, region, &time(now)))))
}

/// A login under way: one message, which the broker answers with something.
pub(super) struct Signed(Option<Vec<u8>>);

impl Conversation for Signed {
    fn respond(&mut self, challenge: Option<&[u8]>) -> Result<Option<Vec<u8>>, SaslError> {
        match challenge {
            Some([]) => Err(SaslError::Broker("it says nothing to the signature")),
            None | Some(_) => Ok(self.0.take()),
        }
    }
}

/// The label after `kafka` or `kafka-serverless`.
fn region(host: &str) -> Option<&str> {
    let mut labels = host.split('.');
    labels.find(|label| matches!(*label, "kafka" | "kafka-serverless"))?;
    labels.next().filter(|region| region.contains('-') && labels.next() == Some("amazonaws"))
}

fn payload(credentials: &AwsCredentials, host: &str, region: &str, time: &str) -> Vec<u8> {
    let date = time.get(..8).unwrap_or(time);
    let scope = format!("{date}/{region}/{SERVICE}/aws4_request");
    let credential = format!("{}/{scope}", credentials.access_key_id);
    let session_token = credentials.session_token.as_ref().map(Secret::reveal);
    let mut query = vec![
        ("Action", ACTION),
        ("X-Amz-Algorithm", ALGORITHM),
        ("X-Amz-Credential", &credential),
        ("X-Amz-Date", time),
        ("X-Amz-Expires", EXPIRES_S),
    ];
    query.extend(session_token.map(|token| ("X-Amz-Security-Token", token)));
    query.push(("X-Amz-SignedHeaders", "host"));
    let pairs: Vec<String> = query
        .iter()
        .map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, UNRESERVED)))
        .collect();
    let canonical = format!("GET\n/\n{}\nhost:{host}\n\nhost\n{}", pairs.join("&"), sha256(b""));
    let to_sign = format!("{ALGORITHM}\n{time}\n{scope}\n{}", sha256(canonical.as_bytes()));
    let key = signing_key(credentials.secret_access_key.reveal(), date, region, SERVICE);
    let signature = hex(hmac::sign(&key, to_sign.as_bytes()).as_ref());
    let mut payload = serde_json::json!({
        "version": VERSION,
        "host": host,
        "user-agent": concat!("otlp2kafka/", env!("CARGO_PKG_VERSION")),
        "action": ACTION,
        "x-amz-algorithm": ALGORITHM,
        "x-amz-credential": credential,
        "x-amz-date": time,
        "x-amz-signedheaders": "host",
        "x-amz-expires": EXPIRES_S,
        "x-amz-signature": signature,
    });
    if let Some(token) = session_token {
        payload["x-amz-security-token"] = token.into();
    }
    payload.to_string().into_bytes()
}

fn signing_key(secret: &str, date: &str, region: &str, service: &str) -> hmac::Key {
    let first = hmac::Key::new(hmac::HMAC_SHA256, format!("AWS4{secret}").as_bytes());
    [date, region, service, "aws4_request"].iter().fold(first, |key, part| {
        hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&key, part.as_bytes()).as_ref())
    })
}

fn sha256(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `yyyyMMdd'T'HHmmss'Z'` of seconds since 1970, by the calendar of Howard Hinnant's `civil_from_days`.
fn time(seconds: u64) -> String {
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Years begin in March here, so that the leap day is the last one.
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    // January and February are of the next year.
    let next_year = month_from_march / 10;
    let month = month_from_march + 3 - 12 * next_year;
    let year = year_of_era + era * 400 + next_year;
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signing_key_is_that_of_the_documentation_of_aws() {
        // "Examples of how to derive a signing key for Signature Version 4": the message's HMAC stands for the key,
        // which ring does not give out.
        let key = signing_key("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "20150830", "us-east-1", "iam");
        let bytes: Vec<u8> = KEY
            .as_bytes()
            .chunks(2)
            .map(|two| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap())
            .collect();
        let expected = hmac::Key::new(hmac::HMAC_SHA256, &bytes);
        assert_eq!(hmac::sign(&key, b"x").as_ref(), hmac::sign(&expected, b"x").as_ref());
    }

    const KEY: &str = "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9";

    #[test]
    fn times_are_those_of_the_calendar() {
        for (seconds, expected) in [
            (0, "19700101T000000Z"),
            (951_782_399, "20000228T235959Z"),
            (951_782_400, "20000229T000000Z"),
            (1_709_251_199, "20240229T235959Z"),
            (4_107_542_400, "21000301T000000Z"),
        ] {
            assert_eq!(time(seconds), expected);
        }
    }

    #[test]
    fn regions_are_read_from_host_names() {
        assert_eq!(region("b-1.demo.abc.c2.kafka.eu-west-1.amazonaws.com"), Some("eu-west-1"));
        assert_eq!(region("boot-x.c1.kafka-serverless.us-east-1.amazonaws.com.cn"), Some("us-east-1"));
        for host in ["localhost", "kafka", "kafka.example.com", "kafka.eu-west-1.example.com"] {
            assert_eq!(region(host), None, "{host}");
        }
    }

    #[test]
    fn the_payload_is_signed_and_shows_no_secret() {
        let credentials = AwsCredentials {
            access_key_id: "AKIDEXAMPLE".to_owned(),
            secret_access_key: Secret::new("pencil"),
            session_token: Some(Secret::new("a/b+c")),
            region: None,
        };
        assert!(!format!("{credentials:?}").contains("pencil"));
        let payload = payload(&credentials, HOST, "eu-west-1", "20240229T235959Z");
        let payload = String::from_utf8(payload).unwrap();
        assert!(!payload.contains("pencil"));
        let payload: serde_json::Value = serde_json::from_str(&payload).unwrap();
        // Computed with Python's hashlib and hmac from the documentation of AWS.
        assert_eq!(payload["x-amz-signature"], SIGNATURE);
        assert_eq!(payload["x-amz-security-token"], "a/b+c");
    }

    const HOST: &str = "b-1.demo.abc.c2.kafka.eu-west-1.amazonaws.com";
    const SIGNATURE: &str = "c65ad02f6f35c73e5fe4af1f3070ac6ccec9a6cc99ecf80a7ea5f9dc3a7d52cd";
}
