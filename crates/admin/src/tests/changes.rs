//! What changes something: exact success codes, messages, and what is refused before it is tried.

use super::{call, create, send, start};

const INVALID: &str = "You can also find the above list of errors at the endpoint \
                       `/connector-plugins/{connectorType}/config/validate`";

#[tokio::test]
async fn a_life_in_calls() {
    let server = start().await;
    let addr = server.addr;
    let body = r#"{"name":" a ","config":{"connector.class":"SomeSource","n":1.50}}"#;
    let answer = send(addr, "POST", "/connectors", body).await;
    assert_eq!(answer.status, 201);
    assert!(answer.head.contains("location: http://rest.example/connectors/a"), "{}", answer.head);
    assert!(answer.body.contains(r#""config":{"connector.class":"SomeSource","n":"1.50","name":"a"}"#));
    let answer = send(addr, "POST", "/connectors", body).await;
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (409, r#"{"error_code":409,"message":"Connector a already exists"}"#)
    );

    let config = r#"{"connector.class":"SomeSource"}"#;
    assert_eq!(send(addr, "PUT", "/connectors/a/config", config).await.status, 200);
    assert_eq!(send(addr, "PUT", "/connectors/b%2Fc%3F/config", config).await.status, 201);
    assert_eq!(call(addr, "GET", "/connectors/b%2Fc%3F/config").await.status, 200);
    let answer = send(addr, "PATCH", "/connectors/a/config", r#"{"x":2,"y":null}"#).await;
    assert_eq!(answer.status, 200);
    assert!(answer.body.contains(r#""x":"2""#));
    let answer = send(addr, "PATCH", "/connectors/a/config", r#"{"name":"b"}"#).await;
    assert_eq!(answer.status, 400);

    for (method, path, status) in [
        ("PUT", "/connectors/a/pause", 202),
        ("PUT", "/connectors/a/pause", 202),
        ("PUT", "/connectors/a/resume", 202),
        ("POST", "/connectors/a/restart", 204),
        ("POST", "/connectors/a/restart?includeTasks=yes", 204),
        ("POST", "/connectors/a/restart?onlyFailed=true", 202),
        ("POST", "/connectors/a/restart?includeTasks=true", 202),
        ("POST", "/connectors/a/tasks/0/restart", 204),
        ("DELETE", "/connectors/a/offsets", 400),
        ("PUT", "/connectors/a/stop", 204),
        ("DELETE", "/connectors/a/offsets", 200),
        ("PUT", "/connectors/a/topics/reset", 202),
        ("PUT", "/connectors/unknown/topics/reset", 202),
        ("DELETE", "/connectors/a", 204),
        ("DELETE", "/connectors/a", 404),
        ("GET", "/connectors/a/status", 404),
    ] {
        let answer = call(addr, method, path).await;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.body);
        if status == 204 || path.ends_with("pause") {
            assert_eq!(answer.body, "", "{method} {path}");
        }
    }
}

#[tokio::test]
async fn initial_states_and_what_is_kept_over_an_update() {
    let server = start().await;
    for (word, state) in [("PAUSED", "PAUSED"), ("stopped", "STOPPED"), ("RUNNING", "RUNNING")] {
        let body = format!(
            r#"{{"name":"{word}","initial_state":"{word}","config":{{"connector.class":"SomeSource"}}}}"#
        );
        assert_eq!(send(server.addr, "POST", "/connectors", &body).await.status, 201);
        let path = format!("/connectors/{word}");
        let config = r#"{"connector.class":"SomeSource","more":"1"}"#;
        assert_eq!(send(server.addr, "PUT", &format!("{path}/config"), config).await.status, 200);
        let answer = call(server.addr, "GET", &format!("{path}/status")).await;
        assert!(answer.body.contains(&format!(r#""connector":{{"state":"{state}""#)), "{}", answer.body);
    }
    let body = r#"{"name":"x","initial_state":"STARTED","config":{"connector.class":"SomeSource"}}"#;
    assert_eq!(send(server.addr, "POST", "/connectors", body).await.status, 400);
}

#[tokio::test]
async fn what_is_wrong_is_said_in_connects_words() {
    let server = start().await;
    create(server.addr, "a").await;
    let invalid = |errors: &[&str]| {
        let count = errors.len();
        let list = errors.join("\n");
        format!(
            "Connector configuration is invalid and contains the following {count} error(s):\n{list}\n{INVALID}"
        )
    };
    let cases = [
        (r#"{"name":"b"}"#, "The request has no config".to_owned()),
        (r#"{"name":"b","config":{"k":"v"}}"#, "Connector config {k, name} contains no connector type".to_owned()),
        (
            r#"{"name":"b","config":{"connector.class":"Other"}}"#,
            "Failed to find any class that implements Connector and which name matches Other, available connectors \
             are: org.example.SomeSourceConnector 1.0"
                .to_owned(),
        ),
        (
            r#"{"name":"b","config":{"connector.class":"SomeSource","name":"c"}}"#,
            "Connector name configuration (c) doesn't match connector name in the URL (b)".to_owned(),
        ),
        (
            r#"{"config":{"connector.class":"SomeSource"}}"#,
            invalid(&["Invalid value  for configuration name: String may not be empty"]),
        ),
        (
            r#"{"name":"a\u0001\u007f","config":{"connector.class":"SomeSource"}}"#,
            invalid(&[
                "Invalid value a\u{1}\u{7f} for configuration name: String may not contain control sequences but had \
                 the following ASCII chars: 1, 127",
            ]),
        ),
        (
            r#"{"name":"a","config":{"connector.class":"SomeSource","some.tls.port":"x","some.tls.enabled":"y"}}"#,
            invalid(&[
                "Invalid value y for configuration some.tls.enabled: Expected value to be either true or false",
                "Invalid value x for configuration some.tls.port: Not a number of type INT",
                "Invalid value null for configuration some.tls.port: Value must be non-null",
            ]),
        ),
        (
            r#"{"name":"b","config":{"connector.class":"SomeSource","x":null,"some.tls.port":"0"}}"#,
            invalid(&[
                "Null value can not be supplied as the configuration value.",
                "Invalid value 0 for configuration some.tls.port: Value must be at least 1",
            ]),
        ),
    ];
    for (body, message) in cases {
        let answer = send(server.addr, "POST", "/connectors", body).await;
        let expected = serde_json::json!({"error_code": 400, "message": message}).to_string();
        assert_eq!((answer.status, answer.body), (400, expected), "{body}");
    }
    assert_eq!(call(server.addr, "GET", "/connectors").await.body, r#"["a"]"#);
}

#[tokio::test]
async fn validate_answers_200_with_the_errors_inside() {
    let server = start().await;
    let path = "/connector-plugins/SomeSourceConnector/config/validate";
    let wrapped = r#"{"name":"n","config":{"connector.class":"SomeSource","some.tls.port":"x","producer.override.acks":"1"}}"#;
    let flat =
        r#"{"name":"n","connector.class":"SomeSource","some.tls.port":"x","producer.override.acks":"1"}"#;
    let answer = send(server.addr, "PUT", path, flat).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(send(server.addr, "PUT", path, wrapped).await.body, answer.body);
    let all: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!((all["name"].as_str(), all["error_count"].as_u64()), (Some("SomeSource"), Some(2)));
    let names: Vec<&str> = all["configs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["value"]["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        ["name", "connector.class", "some.tls.enabled", "some.tls.port", "producer.override.acks"]
    );
    let port = &all["configs"][3]["value"];
    assert!(port["value"].is_null() && port["errors"].as_array().unwrap().len() == 2, "{port}");
    assert_eq!(all["configs"][2]["value"]["value"], "false");
    assert_eq!(all["configs"][4]["definition"]["documentation"], "Acknowledgements.");

    // AKHQ asks without a name, only to see the keys.
    let answer =
        send(server.addr, "PUT", path, r#"{"connector.class":"SomeSource","topics":"getPlugins"}"#).await;
    assert_eq!(answer.status, 200);
    assert!(answer.body.contains(r#"Missing required configuration \"name\" which has no default value."#));
    let answer = send(
        server.addr,
        "PUT",
        "/connector-plugins/Other/config/validate",
        r#"{"connector.class":"SomeSource"}"#,
    )
    .await;
    assert!(answer.body.contains("Included connector type SomeSource does not match request type Other"));
    assert_eq!(send(server.addr, "PUT", path, "{}").await.status, 400);
}

#[tokio::test]
async fn positions_change_only_while_stopped() {
    let server = start().await;
    create(server.addr, "a").await;
    let path = "/connectors/a/offsets";
    let body = r#"{"offsets":[{"partition":{"p":1},"offset":null}]}"#;
    let answer = send(server.addr, "PATCH", path, body).await;
    assert_eq!(answer.status, 400);
    assert!(
        answer.body.contains("Connectors must be in the STOPPED state before their offsets can be modified.")
    );
    assert_eq!(call(server.addr, "PUT", "/connectors/a/stop").await.status, 204);
    let answer = send(server.addr, "PATCH", path, body).await;
    assert_eq!(answer.body, r#"{"message":"The offsets for this connector have been altered successfully"}"#);
    for body in [r#"{"offsets":[]}"#, "{}", r#"{"offsets":null}"#, r#"{"offsets":"x"}"#, "[]"] {
        assert_eq!(send(server.addr, "PATCH", path, body).await.status, 400, "{body}");
    }
    let answer = call(server.addr, "DELETE", path).await;
    assert_eq!(answer.body, r#"{"message":"The offsets for this connector have been reset successfully"}"#);
}

#[tokio::test]
async fn loggers_are_changed_with_all_below() {
    let server = start().await;
    let set = async |name: &str, body: &str| {
        let answer = send(server.addr, "PUT", &format!("/admin/loggers/{name}"), body).await;
        (answer.status, answer.body)
    };
    let ok = |list: &str| (200, list.to_owned());
    assert_eq!(set("sink::a", r#"{"level":"warn"}"#).await, ok(r#"["sink::a"]"#));
    assert_eq!(set("sink::a", r#"{"level":"WARN"}"#).await, ok("[]"));
    assert_eq!(set("sink", r#"{"level":"DEBUG"}"#).await, ok(r#"["sink","sink::a"]"#));
    assert_eq!(set("root", r#"{"level":"TRACE"}"#).await, ok(r#"["root","sink","sink::a"]"#));
    assert_eq!(set("root?scope=cluster", r#"{"level":"INFO"}"#).await, (204, String::new()));
    assert_eq!(set("root", r#"{"level":"LOUD"}"#).await.0, 404);
    assert_eq!(set("root", "{}").await.0, 400);
    let answer = call(server.addr, "GET", "/admin/loggers/root").await;
    assert!(answer.body.starts_with(r#"{"level":"INFO","last_modified":1"#), "{}", answer.body);
    for n in 0..300 {
        set(&format!("other{n}"), r#"{"level":"INFO"}"#).await;
    }
    assert_eq!(set("one.more", r#"{"level":"DEBUG"}"#).await.0, 400);
}
