//! Hop 7: credentials from each source, with endpoints on loopback in the place of those of AWS.

use std::collections::BTreeMap;
use std::io;
use std::sync::Mutex as StdMutex;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::*;

/// Variables and files by their names.
fn provider(pairs: &[(&str, &str)], profile: Option<&str>) -> AwsCredentialsProvider {
    let all: BTreeMap<String, String> =
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let files = all.clone();
    let mut surroundings = Surroundings::files(Arc::new(move |path: &str| {
        let found = files.get(path).filter(|_| path.starts_with('/'));
        found.map(|text| text.clone().into_bytes()).ok_or_else(|| io::ErrorKind::NotFound.into())
    }));
    surroundings.variable = Arc::new(move |name| all.get(name).cloned());
    AwsCredentialsProvider::new(surroundings, profile.map(str::to_owned))
}

const FILES: [(&str, &str); 4] = [
    ("HOME", "/h"),
    ("AWS_EC2_METADATA_DISABLED", "true"),
    (
        "/h/.aws/credentials",
        "[default]\naws_access_key_id=D\naws_secret_access_key=pencil\n[p]\naws_access_key_id=P\n\
        aws_secret_access_key=pencil\naws_session_token=t\n[half]\naws_access_key_id=H\n",
    ),
    (
        "/h/.aws/config",
        "[profile p]\nregion=eu-west-1\n[profile sso]\nsso_session=x\n[profile role]\nrole_arn=x\n",
    ),
];

/// The key's id, the session's token and the region, or the error.
async fn found(pairs: &[(&str, &str)], profile: Option<&str>) -> Result<[String; 3], String> {
    let pairs = [&FILES[..], pairs].concat();
    let provider = provider(&pairs, profile);
    assert!(!format!("{provider:?}").contains("pencil"));
    let found = match provider.check() {
        Ok(()) => provider.get().await,
        Err(error) => Err(error),
    };
    let found = found.map_err(|error| error.to_string())?;
    assert_eq!(found.secret_access_key, Secret::new("pencil"));
    let token = found.session_token.map_or_else(String::new, |token| token.reveal().to_owned());
    Ok([found.access_key_id, token, found.region.unwrap_or_default()])
}

fn three(all: [&str; 3]) -> Result<[String; 3], String> {
    Ok(all.map(str::to_owned))
}

#[tokio::test]
async fn variables_come_before_profiles_and_a_named_profile_before_all() {
    let keys = [("AWS_ACCESS_KEY_ID", "V"), ("AWS_SECRET_ACCESS_KEY", "pencil"), ("AWS_REGION", "us-east-1")];
    assert_eq!(found(&keys, None).await, three(["V", "", "us-east-1"]));
    let session = [&keys[..], &[("AWS_SESSION_TOKEN", "s")]].concat();
    assert_eq!(found(&session, None).await, three(["V", "s", "us-east-1"]));
    assert_eq!(found(&keys, Some("p")).await, three(["P", "t", "us-east-1"]));
    assert_eq!(found(&[], None).await, three(["D", "", ""]));
    assert_eq!(found(&[("AWS_PROFILE", "p")], None).await, three(["P", "t", "eu-west-1"]));
    assert_eq!(
        found(&[("AWS_PROFILE", "p"), ("AWS_DEFAULT_REGION", "x-1")], None).await,
        three(["P", "t", "x-1"])
    );
    let elsewhere = [
        ("AWS_SHARED_CREDENTIALS_FILE", "/f"),
        ("/f", "[default]\naws_access_key_id = F\naws_secret_access_key = pencil\n"),
    ];
    assert_eq!(found(&elsewhere, None).await, three(["F", "", ""]));
}

#[tokio::test]
async fn what_is_missing_or_not_built_in_is_named() {
    for (pairs, profile, words) in [
        (&[("AWS_ACCESS_KEY_ID", "V")][..], None, "AWS_SECRET_ACCESS_KEY"),
        (&[("AWS_SECRET_ACCESS_KEY", "pencil")], None, "AWS_ACCESS_KEY_ID"),
        (&[], Some("none"), "profile none"),
        (&[("AWS_PROFILE", "none")], None, "AWS_PROFILE none"),
        (&[], Some("half"), "aws_secret_access_key"),
        (&[], Some("sso"), "sso_session is not built in"),
        (&[], Some("role"), "role_arn is not built in"),
        (&[("AWS_SHARED_CREDENTIALS_FILE", "/none")], None, "AWS_EC2_METADATA_DISABLED"),
        (&[("AWS_WEB_IDENTITY_TOKEN_FILE", "/none"), ("AWS_ROLE_ARN", "r")], None, "/none"),
    ] {
        let error = found(pairs, profile).await.unwrap_err();
        assert!(error.contains(words) && !error.contains("pencil"), "{error}");
    }
    let only = |url| [("HOME", "/none"), ("AWS_CONTAINER_CREDENTIALS_FULL_URI", url)];
    for url in ["http://example.com/x", "http://169.254.170.3/", "gopher://localhost/", "nonsense"] {
        assert!(found(&only(url), None).await.is_err(), "{url}");
    }
}

/// An endpoint that gives these answers, one a connection, and the requests that it got.
async fn endpoint(answers: &[&str]) -> (String, JoinHandle<()>, Arc<StdMutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answers: Vec<String> = answers
        .iter()
        .map(|body| format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()))
        .collect();
    let requests = Arc::<StdMutex<Vec<String>>>::default();
    let noted = Arc::clone(&requests);
    let task = tokio::spawn(async move {
        for answer in answers {
            let mut stream = listener.accept().await.unwrap().0;
            let mut request = Vec::new();
            loop {
                assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0);
                let text = String::from_utf8_lossy(&request);
                let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                    break;
                }
            }
            noted.lock().unwrap().push(String::from_utf8(request).unwrap());
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (url, task, requests)
}

const CONTAINER_ANSWER: &str =
    r#"{"AccessKeyId":"C","SecretAccessKey":"pencil","Token":"t","Expiration":"2999-01-01T00:00:00Z"}"#;

#[tokio::test]
async fn containers_are_given_theirs_once_while_they_last() {
    let (url, task, requests) = endpoint(&[CONTAINER_ANSWER]).await;
    let uri = format!("{url}/v1/credentials");
    let pairs = [
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", uri.as_str()),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/token"),
        ("/token", "let me in\n"),
        ("AWS_REGION", "eu-west-1"),
    ];
    let provider = provider(&pairs, None);
    for _ in 0..2 {
        let credentials = provider.get().await.unwrap();
        assert_eq!(
            (credentials.access_key_id.as_str(), credentials.region.as_deref()),
            ("C", Some("eu-west-1"))
        );
        assert_eq!(credentials.session_token, Some(Secret::new("t")));
    }
    task.await.unwrap();
    let requests = requests.lock().unwrap().clone();
    assert!(requests[0].starts_with("GET /v1/credentials HTTP/1.1\r\n"), "{requests:?}");
    assert!(requests[0].contains("authorization: let me in\r\n"), "{requests:?}");
}

#[tokio::test]
async fn those_that_end_soon_are_asked_for_again_and_nonsense_is_refused() {
    let soon = CONTAINER_ANSWER.replace("2999", "1999");
    let bad = r#"{"Code":"no"}"#;
    let (url, task, requests) = endpoint(&[&soon, CONTAINER_ANSWER, bad, "<html>"]).await;
    let asked = || provider(&[("AWS_CONTAINER_CREDENTIALS_FULL_URI", &url)], None);
    let first = asked();
    assert_eq!(first.get().await.unwrap().access_key_id, "C");
    assert_eq!(first.get().await.unwrap().access_key_id, "C");
    assert!(asked().get().await.unwrap_err().to_string().contains("AccessKeyId"));
    assert!(asked().get().await.unwrap_err().to_string().contains("not JSON"));
    task.await.unwrap();
    assert_eq!(requests.lock().unwrap().len(), 4);
}

#[tokio::test]
async fn an_end_beyond_what_the_clock_can_say_is_none() {
    for ends in ["1e19", "9223372036854775807", "1.8e19"] {
        let far = CONTAINER_ANSWER.replace("\"2999-01-01T00:00:00Z\"", ends);
        let (url, task, _) = endpoint(&[&far, &far]).await;
        let provider = provider(&[("AWS_CONTAINER_CREDENTIALS_FULL_URI", &url)], None);
        for _ in 0..2 {
            assert_eq!(provider.get().await.unwrap().access_key_id, "C", "{ends}");
        }
        // Without an end that is known they are not kept: both answers were fetched.
        task.await.unwrap();
    }
}

#[tokio::test]
async fn a_token_of_kubernetes_becomes_a_role() {
    let answer = r#"{"AssumeRoleWithWebIdentityResponse":{"AssumeRoleWithWebIdentityResult":{"Credentials":
        {"AccessKeyId":"W","SecretAccessKey":"pencil","SessionToken":"t","Expiration":3.2E10}}}}"#;
    let (url, task, requests) = endpoint(&[answer]).await;
    let pairs = [
        ("AWS_WEB_IDENTITY_TOKEN_FILE", "/var/run/token"),
        ("/var/run/token", "a.b-c"),
        ("AWS_ROLE_ARN", "arn:aws:iam::1:role/r"),
        ("AWS_ENDPOINT_URL_STS", &url),
    ];
    let provider = provider(&pairs, None);
    provider.check().unwrap();
    for _ in 0..2 {
        assert_eq!(provider.get().await.unwrap().access_key_id, "W");
    }
    task.await.unwrap();
    let requests = requests.lock().unwrap().clone();
    let form = "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr\
        &RoleSessionName=otlp2kafka&WebIdentityToken=a%2Eb%2Dc";
    assert!(requests[0].starts_with("POST / HTTP/1.1\r\n") && requests[0].ends_with(form), "{requests:?}");
}

#[tokio::test]
async fn an_instance_gives_the_credentials_of_its_role() {
    let (url, task, requests) = endpoint(&["T\n", "my role\n", CONTAINER_ANSWER]).await;
    let provider = provider(&[("AWS_EC2_METADATA_SERVICE_ENDPOINT", &url)], None);
    assert_eq!(provider.get().await.unwrap().access_key_id, "C");
    task.await.unwrap();
    let requests = requests.lock().unwrap().clone();
    assert!(requests[0].starts_with("PUT /latest/api/token HTTP/1.1\r\n"), "{requests:?}");
    assert!(requests[0].contains("x-aws-ec2-metadata-token-ttl-seconds: 21600\r\n"), "{requests:?}");
    let path = "GET /latest/meta-data/iam/security-credentials/my%20role HTTP/1.1\r\n";
    assert!(requests[2].starts_with(path), "{requests:?}");
    assert!(requests[2].contains("x-aws-ec2-metadata-token: T\r\n"), "{requests:?}");
}

#[test]
fn times_are_read_as_aws_writes_them() {
    for (text, seconds) in [
        ("1970-01-01T00:00:00Z", Some(0)),
        ("2000-02-29T23:59:59Z", Some(951_868_799)),
        ("2024-02-29T23:59:59.5Z", Some(1_709_251_199)),
        ("2100-03-01T00:00:00Z", Some(4_107_542_400)),
        ("1969-12-31T23:59:59Z", None),
        ("2024-13-01T00:00:00Z", None),
        ("2024-01-01T00:00:00", None),
        ("soon", None),
        ("", None),
    ] {
        assert_eq!(since_1970(text).map(|since| since.as_secs()), seconds, "{text}");
    }
}
