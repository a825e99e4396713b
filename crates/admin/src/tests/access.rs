//! Users, origins, headers, and what each listener serves.

use config::Values;

use super::{Answer, call, call_with, start_with};
use crate::{KEYS, Options, Serves};

const EXTENSION: (&str, &str) = (
    "rest.extension.classes",
    "org.apache.kafka.connect.rest.basic.auth.extension.BasicAuthSecurityRestExtension",
);
const USERS: (&str, &str) = ("rest.basic.auth.users.path", "users");

#[tokio::test]
async fn only_users_get_in() {
    let server = start_with(&[EXTENSION, USERS], Serves::All, None).await;
    // ann:s3cret, "bob:b b", ann:no, ann:s3cre, nobody:x, "ann"
    for (credentials, status) in [
        ("Basic YW5uOnMzY3JldA==", 200),
        ("basic Ym9iOmIgYg==", 200),
        ("Basic YW5uOm5v", 401),
        ("Basic YW5uOnMzY3Jl", 401),
        ("Basic bm9ib2R5Ong=", 401),
        ("Basic YW5u", 401),
        ("Basic !!!", 401),
        ("Bearer YW5uOnMzY3JldA==", 401),
    ] {
        let line = format!("Authorization: {credentials}\r\n");
        let answer = call_with(server.addr, "GET", "/connectors", &line).await;
        assert_eq!(answer.status, status, "{credentials}");
    }
    for path in ["/", "/health", "/connectors", "/admin/loggers", "/metrics"] {
        let answer = call(server.addr, "GET", path).await;
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (401, "User cannot access the resource."),
            "{path}"
        );
        assert!(answer.head.contains("www-authenticate: basic realm="), "{}", answer.head);
    }
    for path in ["/livez", "/readyz"] {
        assert_eq!(call(server.addr, "GET", path).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn origins_that_are_allowed_are_told_so() {
    let given = [
        ("access.control.allow.origin", "https://ui.example,http://b.example"),
        ("access.control.allow.methods", "GET, PUT"),
        ("response.http.headers.config", "set X-Frame-Options: DENY"),
        EXTENSION,
        USERS,
    ];
    let server = start_with(&given, Serves::All, None).await;
    let ask = async |origin: &str| -> Answer {
        let lines = format!("Origin: {origin}\r\nAccess-Control-Request-Method: PUT\r\n");
        call_with(server.addr, "OPTIONS", "/connectors", &lines).await
    };
    let answer = ask("https://ui.example").await;
    assert_eq!(answer.status, 200);
    assert!(answer.head.contains("access-control-allow-origin: https://ui.example"), "{}", answer.head);
    assert!(answer.head.contains("access-control-allow-methods: get,put"), "{}", answer.head);
    assert!(!ask("https://evil.example").await.head.contains("access-control"));

    let lines = "Origin: http://b.example\r\nAuthorization: Basic YW5uOnMzY3JldA==\r\n";
    let answer = call_with(server.addr, "GET", "/nothing", lines).await;
    assert_eq!(answer.status, 404);
    assert!(answer.head.contains("access-control-allow-origin: http://b.example"), "{}", answer.head);
    assert!(answer.head.contains("vary: origin"), "{}", answer.head);
    assert!(answer.head.contains("x-frame-options: deny"), "{}", answer.head);
}

#[tokio::test]
async fn admin_may_have_listeners_of_its_own() {
    for (serves, connectors, loggers, metrics) in
        [(Serves::All, 200, 200, 200), (Serves::AllButAdmin, 200, 404, 200), (Serves::Admin, 404, 200, 404)]
    {
        let server = start_with(&[], serves, None).await;
        assert_eq!(call(server.addr, "GET", "/connectors").await.status, connectors);
        assert_eq!(call(server.addr, "GET", "/admin/loggers").await.status, loggers);
        assert_eq!(call(server.addr, "GET", "/metrics").await.status, metrics);
        assert_eq!(call(server.addr, "GET", "/livez").await.status, 200);
    }
}

#[tokio::test]
async fn topic_tracking_can_be_off() {
    let server = start_with(&[("topic.tracking.allow.reset", "false")], Serves::All, None).await;
    assert_eq!(call(server.addr, "GET", "/connectors/a/topics").await.status, 200);
    let answer = call(server.addr, "PUT", "/connectors/a/topics/reset").await;
    assert_eq!(answer.body, r#"{"error_code":403,"message":"Topic tracking reset is disabled."}"#);
    let server = start_with(&[("topic.tracking.enable", "false")], Serves::All, None).await;
    for (method, path) in [("GET", "/connectors/a/topics"), ("PUT", "/connectors/a/topics/reset")] {
        let answer = call(server.addr, method, path).await;
        assert_eq!(answer.body, r#"{"error_code":403,"message":"Topic tracking is disabled."}"#, "{path}");
    }
}

#[test]
fn a_protection_that_would_not_be_in_force_is_a_mistake() {
    let wrong = |given: &[(&str, &str)], file: &'static str| -> String {
        let raw = given.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let (values, _): (Values, _) = config::parse(KEYS, &raw);
        let problems = Options::from_values(&values, &|_| Ok(file.as_bytes().to_vec())).unwrap_err();
        problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    };
    assert!(wrong(&[EXTENSION], "").contains("needs the file of users"));
    assert!(wrong(&[USERS], "a: b").contains("has no effect without"));
    assert!(wrong(&[EXTENSION, USERS], "# nobody").contains("nobody could call"));
    assert!(wrong(&[("rest.extension.classes", "org.example.Other")], "").contains("no extension but"));
    assert!(wrong(&[("response.http.headers.config", "what")], "").contains("is not: ACTION"));
}
