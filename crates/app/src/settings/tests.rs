//! Good configurations, each mistake in its exact words, precedence, and what a laptop gets.

use admin::Target;

use super::*;

/// A folder with configuration files.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        Self(folder)
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    /// Loads `names` with `options` and `environment`; mistakes without the folder's name.
    fn load(
        &self,
        names: &[&str],
        options: &[&str],
        environment: &[(&str, &str)],
    ) -> Result<Settings, Vec<String>> {
        let files: Vec<String> = names.iter().map(|name| self.path(name)).collect();
        let options: Vec<String> = options.iter().map(|text| (*text).to_owned()).collect();
        let environment = environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        load(&Sources { files: &files, options: &options, environment }).map_err(|mistakes| {
            let prefix = format!("{}/", self.0.path().display());
            mistakes.0.iter().map(|mistake| mistake.to_string().replace(&prefix, "")).collect()
        })
    }
}

fn options(options: &[&str]) -> Result<Settings, Vec<String>> {
    Folder::new(&[]).load(&[], options, &[])
}

fn mistakes(result: Result<Settings, Vec<String>>) -> Vec<String> {
    result.map(|settings| format!("no mistake: {:?}", settings.in_force)).unwrap_err()
}

const WORKER: &str = "\
bootstrap.servers=kafka-1:9092,kafka-2:9092
key.converter=org.apache.kafka.connect.storage.StringConverter
value.converter=org.apache.kafka.connect.storage.StringConverter
offset.storage.file.filename=/tmp/connect.offsets
offset.flush.interval.ms=10000
plugin.path=/usr/share/java
producer.compression.type=lz4
listeners=http://127.0.0.1:9083
";

const CONNECTOR: &str = r#"{
  "name": "my-otlp",
  "config": {
    "connector.class": "io.conduktor.connect.otel.OpenTelemetrySourceConnector",
    "tasks.max": 1,
    "otlp.grpc.port": "5317",
    "otlp.message.format": "json",
    "errors.tolerance": "all",
    "kafka.topic.traces": "spans"
  }
}"#;

#[test]
fn without_arguments_everything_stays_on_this_machine() {
    let settings = options(&[]).unwrap();
    assert!(settings.laptop);
    assert_eq!(settings.embedded, Some(9092));
    assert_eq!(settings.bootstrap_servers, "127.0.0.1:9092");
    assert_eq!(settings.listeners[0].addr.to_string(), "127.0.0.1:8083");
    assert_eq!(settings.worker_id, "127.0.0.1:8083");
    assert_eq!(settings.shutdown_delay, Duration::ZERO);
    assert_eq!(settings.graceful_timeout, Duration::from_secs(5));
    assert_eq!(settings.data_dir, PathBuf::from("./otlp2kafka-data"));
    assert_eq!(settings.connectors[0].definition.name, "otlp-source");
    assert_eq!(
        settings.connectors[0].definition.config,
        BTreeMap::from([
            ("connector.class".to_owned(), keys::CLASSES[0].to_owned()),
            ("name".to_owned(), "otlp-source".to_owned()),
        ])
    );
    assert_eq!(
        settings.connectors[0].plan.topics,
        ["otlp-traces", "otlp-metrics", "otlp-logs", "otlp-profiles"]
    );
    assert_eq!(settings.connectors[0].plan.queue_size, 10_000);
    let bind = settings.in_force.iter().find(|one| one.key == "otlp.bind.address").unwrap();
    assert_eq!(bind.value, "127.0.0.1");
    assert_eq!(settings.words, Vec::<String>::new());
}

#[test]
fn a_laptop_can_choose_its_ports() {
    let settings =
        options(&["dev.broker.port=9192", "listeners=http://127.0.0.1:1", "otlp.bind.address=0.0.0.0"]);
    let settings = settings.unwrap();
    assert!(settings.laptop);
    assert_eq!(settings.embedded, Some(9192));
    assert_eq!(settings.bootstrap_servers, "127.0.0.1:9192");
    assert_eq!(settings.worker_id, "127.0.0.1:1");
    let settings = options(&["rest.port=8084"]).unwrap();
    assert_eq!(settings.listeners[0].addr.to_string(), "127.0.0.1:8084");
}

#[test]
fn a_cluster_needs_one_more_line() {
    let settings = options(&["bootstrap.servers=kafka:9092"]).unwrap();
    assert!(!settings.laptop);
    assert_eq!(settings.embedded, None);
    assert_eq!(settings.listeners[0].addr.to_string(), "0.0.0.0:8083");
    assert_eq!(settings.shutdown_delay, Duration::from_secs(5));
    assert_eq!(settings.connectors[0].plan.sink.bootstrap(), "kafka:9092");
}

#[test]
fn files_are_taken_as_connect_standalone_takes_them() {
    let folder = Folder::new(&[("worker.properties", WORKER), ("connector.json", CONNECTOR)]);
    let settings = folder.load(&["worker.properties", "connector.json"], &[], &[]).unwrap();
    assert!(!settings.laptop);
    assert_eq!(settings.bootstrap_servers, "kafka-1:9092,kafka-2:9092");
    assert_eq!(settings.worker_id, "127.0.0.1:9083");
    assert_eq!(settings.connectors[0].definition.name, "my-otlp");
    assert_eq!(settings.connectors[0].plan.topics[0], "spans");
    assert_eq!(settings.words, Vec::<String>::new());
    // What REST shows is what was submitted, as text, and nothing else, the class being there already.
    let submitted: Vec<&str> = settings.connectors[0].definition.config.keys().map(String::as_str).collect();
    assert_eq!(
        submitted,
        [
            "connector.class",
            "errors.tolerance",
            "kafka.topic.traces",
            "name",
            "otlp.grpc.port",
            "otlp.message.format",
            "tasks.max",
        ]
    );
    assert_eq!(settings.connectors[0].definition.config["tasks.max"], "1");
}

#[test]
fn a_connector_file_alone_is_no_worker_file() {
    let folder = Folder::new(&[("connector.json", CONNECTOR)]);
    let settings = folder.load(&["connector.json"], &[], &[]).unwrap();
    assert_eq!(settings.connectors[0].definition.name, "my-otlp");
    assert_eq!(settings.embedded, Some(9092));
    assert!(!settings.laptop);
}

#[test]
fn later_sources_win() {
    let worker = format!("{WORKER}otlp.http.port=1000\notlp.retry.delay.ms=1001\n");
    let folder = Folder::new(&[("worker.properties", &worker), ("connector.json", CONNECTOR)]);
    let settings = folder
        .load(
            &["worker.properties", "connector.json"],
            &["listeners=http://127.0.0.1:4", "kafka.topic.traces=from-option"],
            &[
                ("CONNECT_LISTENERS", "http://127.0.0.1:2"),
                ("OTLP2KAFKA_LISTENERS", "http://127.0.0.1:3"),
                ("CONNECT_OTLP_GRPC_PORT", "6317"),
                ("CONNECT_KAFKA_TOPIC_TRACES", "from-environment"),
                ("CONNECT_LOG_LEVEL", "debug"),
            ],
        )
        .unwrap();
    let force = |key: &str| {
        let one = settings.in_force.iter().find(|one| one.key == key).unwrap();
        (one.value.as_str(), one.origin.to_string())
    };
    assert_eq!(force("listeners"), ("http://127.0.0.1:4", "-o".to_owned()));
    assert_eq!(force("kafka.topic.traces"), ("from-option", "-o".to_owned()));
    assert_eq!(force("otlp.grpc.port"), ("6317", "environment CONNECT_OTLP_GRPC_PORT".to_owned()));
    assert_eq!(force("otlp.http.port").0, "1000");
    assert_eq!(settings.connectors[0].plan.topics[0], "from-option");
    assert_eq!(settings.log.level, LevelFilter::DEBUG);
    // The environment does not change what was submitted.
    assert_eq!(settings.connectors[0].definition.config["kafka.topic.traces"], "spans");
}

const OTHER: &str = r#"{"name":"o","config":{"name":"o"},"initial_state":"FLYING"}"#;

#[test]
fn all_mistakes_of_all_sources_come_together() {
    let worker = "bootstrap.servers=kafka:9092\nworker.threads=0\nlog.format=xml\n";
    let connector = r#"{"name":"c","otlp.grpc.port":"70000","otlp.mesage.format":"json"}"#;
    let folder =
        Folder::new(&[("worker.properties", worker), ("connector.json", connector), ("other.json", OTHER)]);
    let found = mistakes(folder.load(
        &["worker.properties", "connector.json", "other.json"],
        &["otlp.request.hold.ms=soon", "nonsense"],
        &[("CONNECT_OTLP_HTTP_ENABLED", "maybe")],
    ));
    assert_eq!(
        found,
        [
            "other.json: initial_state: expected RUNNING, PAUSED or STOPPED, found \"FLYING\"",
            "-o: expected KEY=VALUE, found nonsense",
            "worker.properties: Invalid value 0 for configuration worker.threads: Value must be at least 1",
            "worker.properties: Invalid value xml for configuration log.format: String must be one of: text, json",
            "connector.json: Unknown configuration otlp.mesage.format; did you mean otlp.message.format?",
            "connector.json: Invalid value 70000 for configuration otlp.grpc.port: Value must be no more than 65535",
            "environment CONNECT_OTLP_HTTP_ENABLED: Invalid value maybe for configuration otlp.http.enabled: \
             Expected value to be either true or false",
            "-o: Invalid value soon for configuration otlp.request.hold.ms: Not a number of type INT",
        ]
    );
}

#[test]
fn each_mistake_in_its_own_words() {
    let cases = [
        (&["otlp.unheard.of=1"][..], "-o: Unknown configuration otlp.unheard.of"),
        (
            &["kafka.topic.trace=x"],
            "-o: Unknown configuration kafka.topic.trace; did you mean kafka.topic.traces?",
        ),
        (
            &["connector.class=org.example.Other"],
            "-o: Invalid value org.example.Other for configuration connector.class: String must be one of: \
             io.conduktor.connect.otel.OpenTelemetrySourceConnector, OpenTelemetrySourceConnector, OpenTelemetrySource",
        ),
        (
            &["config.providers=file"],
            "configuration: config.providers.file.class: names the class of the provider file, and must be set",
        ),
        (
            &[
                "rest.extension.classes=org.apache.kafka.connect.rest.basic.auth.extension.BasicAuthSecurityRestExtension",
            ],
            "configuration: rest.basic.auth.users.path: \
             org.apache.kafka.connect.rest.basic.auth.extension.BasicAuthSecurityRestExtension needs the file of \
             users that this key names",
        ),
        (
            &["listeners=https://:8443"],
            "configuration: ssl.keystore.location: is missing: HTTPS needs a certificate and its key",
        ),
        (
            &["otlp.memory.max.bytes=100000000", "otlp.request.max.bytes=67108864"],
            "-o: otlp.memory.max.bytes: 100000000 bytes are too few for otlp.request.max.bytes = 67108864 and \
             otlp.record.max.bytes = 1000000: raise it to at least 152994944 (twice both, and 16 MiB), or lower \
             otlp.request.max.bytes",
        ),
        (
            &["value.converter=io.confluent.connect.avro.AvroConverter"],
            "-o: Invalid value io.confluent.connect.avro.AvroConverter for configuration value.converter: this \
             server has no such converter and would have to leave it out; use \
             org.apache.kafka.connect.storage.StringConverter, org.apache.kafka.connect.json.JsonConverter or \
             org.apache.kafka.connect.converters.ByteArrayConverter",
        ),
        (
            &["otlp.tls.cert.path=/nowhere/cert.pem"],
            "-o: Invalid value /nowhere/cert.pem for configuration otlp.tls.cert.path: No such file or directory \
             (os error 2)",
        ),
    ];
    for (given, expected) in cases {
        assert_eq!(mistakes(options(given)), [expected]);
    }
}

#[test]
fn a_mistyped_command_is_recognised() {
    let files = ["chek".to_owned()];
    let mistakes = load(&Sources { files: &files, ..Sources::default() }).map(|_| ()).unwrap_err();
    assert_eq!(
        mistakes.to_string(),
        "1 mistake in the configuration\n  chek: No such file or directory; did you mean the command check?"
    );
}

#[test]
fn exactly_once_cannot_be_required() {
    let folder = Folder::new(&[("c.json", r#"{"exactly.once.support":"required"}"#)]);
    assert_eq!(
        mistakes(folder.load(&["c.json"], &[], &[])),
        [
            "c.json: exactly.once.support: The connector does not support exactly-once semantics with the provided \
          configuration."
        ]
    );
}

#[test]
fn what_has_no_effect_gets_a_word() {
    let worker = "bootstrap.servers=k:9092\nunheard.of=1\nworker.thread=2\ngroup.id=g\n\
                  exactly.once.source.support=enabled\n";
    let connector =
        r#"{"name":"c","unheard.of":"1","bootstrap.servers":"x:1","producer.acks":"0","tasks.max":"4"}"#;
    let folder = Folder::new(&[("w.properties", worker), ("c.json", connector)]);
    let settings = folder.load(&["w.properties", "c.json"], &[], &[]).unwrap();
    let prefix = format!("{}/", folder.0.path().display());
    let words: Vec<String> = settings.words.iter().map(|word| word.replace(&prefix, "")).collect();
    assert_eq!(
        words,
        [
            "w.properties: exactly.once.source.support = enabled has no effect: records are delivered at least once",
            "w.properties: group.id has no effect: this worker runs alone and shares no connectors",
            "w.properties: unknown configuration unheard.of has no effect",
            "w.properties: unknown configuration worker.thread has no effect; did you mean worker.threads?",
            "c.json: bootstrap.servers is a key of the worker and has no effect in a connector",
            "c.json: unknown configuration producer.acks has no effect",
            "c.json: unknown configuration unheard.of has no effect",
            "tasks.max: one task is enough, it uses all worker threads",
        ]
    );
    assert_eq!(settings.connectors[0].plan.sink.bootstrap(), "k:9092");
}

#[test]
fn a_small_budget_lowers_the_largest_request_with_it() {
    let settings = options(&["otlp.memory.max.bytes=67108864"]).unwrap();
    assert_eq!(settings.memory.total_bytes, 64 << 20);
    // The largest request and record, as sent and unpacked, and 512 KiB for the unpacking.
    assert_eq!(settings.memory.reserve_bytes, 2 * (16 << 20) + 2_000_000 + (512 << 10));
    let one = settings.in_force.iter().find(|one| one.key == "otlp.request.max.bytes").unwrap();
    assert_eq!(one.value, "16777216");
}

#[test]
fn secrets_are_not_shown() {
    let settings = options(&[
        "bootstrap.servers=k:9092",
        "producer.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required username=\"u\" password=\"s3cret\";",
    ])
    .unwrap();
    let one = settings.in_force.iter().find(|one| one.key == "producer.sasl.jaas.config").unwrap();
    assert_eq!(one.value, "[hidden]");
}

#[test]
fn several_connectors_each_with_its_own() {
    let flat = r#"{"name":"flat","otlp.grpc.port":1001,"value.converter":"org.apache.kafka.connect.json.JsonConverter"}"#;
    let wrapped = r#"{"name":"wrapped","config":{"otlp.grpc.port":"1002","otlp.memory.max.bytes":"200000000"},
        "initial_state":"paused"}"#;
    let properties = "name=properties\notlp.grpc.port=1003\nkafka.topic.logs=mine\n";
    let folder = Folder::new(&[
        ("worker.properties", WORKER),
        ("a.json", flat),
        ("b.json", wrapped),
        ("c.properties", properties),
    ]);
    let files = ["worker.properties", "a.json", "b.json", "c.properties"];
    let settings = folder.load(&files, &["kafka.topic.traces=all", "otlp.http.enabled=false"], &[]).unwrap();
    let of = |connector: &Connector| {
        let port = connector.plan.receiver.address(receiver::Door::Grpc).unwrap().port;
        let own = connector.plan.memory.map(|memory| memory.total_bytes);
        let topics = [&connector.plan.topics[0], &connector.plan.topics[2]].map(String::clone);
        (connector.definition.name.clone(), port, topics, own, connector.initial)
    };
    let topics = |logs: &str| ["all".to_owned(), logs.to_owned()];
    assert_eq!(
        settings.connectors.iter().map(of).collect::<Vec<_>>(),
        [
            ("flat".to_owned(), 1001, topics("otlp-logs"), None, Target::Started),
            ("wrapped".to_owned(), 1002, topics("otlp-logs"), Some(200_000_000), Target::Paused),
            ("properties".to_owned(), 1003, topics("mine"), None, Target::Started),
        ]
    );
    let twice = folder.load(&["worker.properties", "a.json", "a.json"], &[], &[]);
    assert_eq!(mistakes(twice), ["a.json: there is another connector called flat"]);
}

#[test]
fn a_worker_file_alone_runs_no_connector_of_its_own() {
    let folder = Folder::new(&[("worker.properties", WORKER)]);
    assert!(folder.load(&["worker.properties"], &[], &[]).unwrap().connectors.is_empty());
    assert_eq!(folder.load(&["worker.properties"], &[], &[]).unwrap().topics[0], "otlp-traces");
    assert_eq!(options(&["bootstrap.servers=k:1"]).unwrap().connectors[0].definition.author, Author::Default);
}

fn over_rest(
    settings: &Settings,
    owners: &[(&str, &str)],
    pairs: &[(&str, &str)],
) -> Result<Plan, Vec<String>> {
    let map = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    };
    let definition =
        Definition { name: "r".to_owned(), config: map(pairs), author: Author::Rest, owners: map(owners) };
    settings.ground.plan(&definition).map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

#[test]
fn what_comes_over_rest_wins_and_the_worker_says_the_rest() {
    let settings = options(&["kafka.topic.traces=from-option", "otlp.http.port=1"]).unwrap();
    let plan =
        over_rest(&settings, &[], &[("name", "r"), ("otlp.http.port", "2")]).unwrap_or_else(|_| panic!());
    assert_eq!(plan.topics[0], "from-option");
    let address = plan.receiver.address(receiver::Door::Http).unwrap();
    // A laptop keeps to itself, whoever defines a connector.
    assert_eq!((address.port, address.host.as_str()), (2, "127.0.0.1"));
}

#[test]
fn connectors_keys_that_are_given_elsewhere_may_refer_as_well() {
    let folder = Folder::new(&[("secrets", "traces=of-file\nlogs=of-option\nport=no-port\n")]);
    let secrets = folder.path("secrets");
    let worker = format!(
        "bootstrap.servers=k:1\nconfig.providers=file\n\
         config.providers.file.class=org.apache.kafka.common.config.provider.FileConfigProvider\n\
         kafka.topic.traces=${{file:{secrets}:traces}}\n"
    );
    let folder = Folder::new(&[("w.properties", &worker), ("c.json", r#"{"name":"c"}"#)]);
    let load = |options: &[String]| {
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        folder.load(&["w.properties", "c.json"], &options, &[])
    };
    let settings = load(&[format!("kafka.topic.logs=${{file:{secrets}:logs}}")]).unwrap();
    let topics = &settings.connectors[0].plan.topics;
    assert_eq!((topics[0].as_str(), topics[2].as_str()), ("of-file", "of-option"));
    // As of a connector that comes later.
    let plan = over_rest(&settings, &[], &[("name", "r")]).unwrap_or_else(|_| panic!());
    assert_eq!(plan.topics[2], "of-option");
    let port = format!("${{file:{secrets}:port}}");
    let found = mistakes(load(&[format!("otlp.grpc.port={port}")]));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].starts_with(&format!("-o: Invalid value {port} for configuration otlp.grpc.port")),
        "{found:?}"
    );
    let found = mistakes(load(&[format!("otlp.grpc.port=${{file:{secrets}:none}}")]));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("-o: otlp.grpc.port: ${file:"), "{found:?}");
}

#[test]
fn references_are_resolved_where_they_may_be() {
    let folder = Folder::new(&[("secrets", "topic=secret-topic\njaas=x\nservers=k:1\n")]);
    let (secrets, inside) = (folder.path("secrets"), folder.0.path().display().to_string());
    let worker = format!(
        "bootstrap.servers=${{file:{secrets}:servers}}\nconfig.providers=file\n\
         config.providers.file.class=org.apache.kafka.common.config.provider.FileConfigProvider\n"
    );
    let connector = format!(r#"{{"name":"c","kafka.topic.traces":"${{file:{secrets}:topic}}"}}"#);
    let closed = Folder::new(&[("w.properties", &worker), ("c.json", &connector)]);
    let settings = closed.load(&["w.properties", "c.json"], &[], &[]).unwrap();
    assert_eq!(settings.bootstrap_servers, "k:1");
    assert_eq!(settings.connectors[0].plan.topics[0], "secret-topic");
    assert!(settings.connectors[0].definition.config["kafka.topic.traces"].starts_with("${file:"));
    let reference = format!("${{file:{secrets}:topic}}");
    let asked = [("kafka.topic.traces", reference.as_str())];
    let refused = over_rest(&settings, &[], &asked).map(|_| ()).unwrap_err();
    assert!(refused[0].contains("over REST, files are read only below"), "{refused:?}");
    // What the command line says of the same connector may be said again.
    assert!(over_rest(&settings, &asked, &asked).is_ok());

    let open = format!("{worker}config.providers.file.param.allowed.paths={inside}\n");
    let open = Folder::new(&[("w.properties", &open)]).load(&["w.properties"], &[], &[]).unwrap();
    assert_eq!(over_rest(&open, &[], &asked).unwrap_or_else(|_| panic!()).topics[0], "secret-topic");
    let jaas = [(
        "producer.override.sasl.jaas.config",
        "org.apache.kafka.common.security.plain.PlainLoginModule required username=\"u\" password=\"p\";",
    )];
    let refused = over_rest(&open, &[], &jaas).map(|_| ()).unwrap_err();
    assert!(refused[0].contains("logins are taken from the worker's own files only"), "{refused:?}");
}

#[test]
fn a_budget_that_is_none_is_one_mistake() {
    let folder = Folder::new(&[("c.json", r#"{"name":"c","otlp.memory.max.bytes":"5"}"#)]);
    assert_eq!(
        mistakes(folder.load(&["c.json"], &[], &[])),
        ["c.json: Invalid value 5 for configuration otlp.memory.max.bytes: Value must be at least 33554432"]
    );
    let settings = options(&[]).unwrap();
    for given in ["soon", "1", ""] {
        let refused = over_rest(&settings, &[], &[("otlp.memory.max.bytes", given)]).map(|_| ()).unwrap_err();
        assert_eq!(refused.len(), 1, "{refused:?}");
    }
}

#[test]
fn a_definition_can_be_given_back_over_rest() {
    let folder = Folder::new(&[("w.properties", WORKER), ("c.json", r#"{"otlp.http.port":"1"}"#)]);
    let class = |settings: &Settings| settings.connectors[0].definition.config["connector.class"].clone();
    let load = |options: &[&str]| folder.load(&["w.properties", "c.json"], options, &[]);
    assert_eq!(class(&load(&[]).unwrap()), keys::CLASSES[0]);
    assert_eq!(class(&load(&["connector.class=OpenTelemetrySource"]).unwrap()), "OpenTelemetrySource");
    let own = Folder::new(&[("c.json", r#"{"connector.class":"OpenTelemetrySource"}"#)]);
    assert_eq!(class(&own.load(&["c.json"], &[], &[]).unwrap()), "OpenTelemetrySource");
    // A mistake is found where it was made.
    let worker = format!("{WORKER}connector.class=Other\n");
    let beneath = Folder::new(&[("w.properties", &worker), ("c.json", r#"{"otlp.http.port":"1"}"#)]);
    let found = mistakes(beneath.load(&["w.properties", "c.json"], &[], &[]));
    assert!(found.len() == 1 && found[0].starts_with("w.properties: Invalid value Other"), "{found:?}");
}

const JAAS: &str =
    "org.apache.kafka.common.security.plain.PlainLoginModule required username=\"u\" password=\"p\";";

#[test]
fn over_rest_no_login_of_the_worker_goes_elsewhere() {
    let worker = format!(
        "{WORKER}producer.security.protocol=SASL_SSL\nproducer.sasl.mechanism=PLAIN\nproducer.sasl.jaas.config={JAAS}\n"
    );
    let policy = format!("{worker}connector.client.config.override.policy=All\n");
    let folder = Folder::new(&[("open", WORKER), ("login", &worker), ("policy", &policy)]);
    let [open, login, policy] =
        ["open", "login", "policy"].map(|name| folder.load(&[name], &[], &[]).unwrap());
    let elsewhere = [("producer.override.bootstrap.servers", "evil:9092")];
    let plain = [("producer.override.security.protocol", "PLAINTEXT")];
    let others = [("admin.override.bootstrap.servers", "evil:9092")];
    for asked in [&elsewhere, &plain, &others] {
        assert!(over_rest(&open, &[], asked).is_ok(), "{asked:?}");
        assert!(over_rest(&policy, &[], asked).is_ok(), "{asked:?}");
        // What the command line says of the same connector may be said again.
        assert!(over_rest(&login, asked, asked).is_ok(), "{asked:?}");
        assert_eq!(
            over_rest(&login, &[], asked).map(|_| ()).unwrap_err(),
            [format!(
                "{}: decides to whom the worker's own login or certificate goes, or how well it is protected, and is \
                 not taken over REST unless the worker says which properties connectors may override: \
                 connector.client.config.override.policy",
                asked[0].0
            )]
        );
    }
    // What says nothing new sends nothing elsewhere.
    let same =
        [("producer.override.security.protocol", "SASL_SSL"), ("producer.override.sasl.mechanism", "PLAIN")];
    assert!(over_rest(&login, &[], &same).is_ok());
    // A login that the command line gives this connector is no less the owner's.
    let owners = [
        ("producer.override.security.protocol", "SASL_SSL"),
        ("producer.override.sasl.mechanism", "PLAIN"),
        ("producer.override.sasl.jaas.config", JAAS),
    ];
    assert!(over_rest(&open, &owners, &owners).is_ok());
    let refused = over_rest(&open, &owners, &[&owners[..], &elsewhere].concat()).map(|_| ()).unwrap_err();
    assert!(refused[0].starts_with("producer.override.bootstrap.servers: decides to whom"), "{refused:?}");
}

#[test]
fn what_references_bring_in_is_not_shown() {
    let folder = Folder::new(&[("secrets", "password=hunter2\nid=33554433\n")]);
    let of = |key: &str| format!("${{file:{}:{key}}}", folder.path("secrets"));
    let (password, id) = (of("password"), of("id"));
    let worker = format!(
        "bootstrap.servers=k:1\nconfig.providers=file\nconfig.providers.file.class=FileConfigProvider\n\
         config.providers.file.param.allowed.paths={}\nlog.level={password}\n",
        folder.0.path().display()
    );
    let connector = format!(r#"{{"name":"c","kafka.topic.traces":"t-{password}"}}"#);
    let files = Folder::new(&[
        ("wrong.properties", &worker),
        ("w.properties", &worker.replace("log.level", "unheard.of")),
        ("c.json", &connector),
    ]);
    assert_eq!(
        mistakes(files.load(&["wrong.properties"], &[], &[])),
        [format!(
            "wrong.properties: Invalid value {password} for configuration log.level: String must be one of: error, \
             warn, info, debug, trace"
        )]
    );
    let settings = files.load(&["w.properties", "c.json"], &[], &[]).unwrap();
    assert_eq!(settings.connectors[0].plan.topics[0], "t-hunter2");
    let shown = |key: &str| settings.in_force.iter().find(|one| one.key == key).unwrap().value.clone();
    assert_eq!(shown("kafka.topic.traces"), format!("t-{password}"));
    assert_eq!(shown("unheard.of"), password);

    // Whoever finds the problem: the parser, the receiver, the sink, or this crate.
    let asked = [
        ("otlp.grpc.port", password.as_str()),
        ("otlp.tls.cert.path", &password),
        ("producer.override.bootstrap.servers", &password),
        ("producer.override.linger.ms", &password),
        ("otlp.record.headers", &format!("header:{password}-token")),
        ("otlp.request.max.bytes", &id),
        ("otlp.memory.max.bytes", "33554432"),
    ];
    let config: BTreeMap<String, String> =
        asked.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let problems = settings.ground.problems(&config);
    for (key, _) in asked.iter().filter(|(key, _)| *key != "otlp.request.max.bytes") {
        assert!(problems.iter().any(|problem| problem.key == *key), "{key}: {problems:?}");
    }
    let all = over_rest(&settings, &[], &asked.map(|(key, value)| (key, value))).map(|_| ()).unwrap_err();
    for text in all.iter().chain(problems.iter().map(|problem| &problem.message)) {
        assert!(!text.contains("hunter2") && !text.contains("33554433"), "{text}");
    }
    let port = format!("Invalid value {password} for configuration otlp.grpc.port: Not a number of type INT");
    assert!(all.contains(&port), "{all:?}");
}
