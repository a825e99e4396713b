//! Hop 7: logins to a real Apache Kafka under TLS, with every mechanism that it has, from Java's properties.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use kafka_wire::messages::ApiVersionsRequest;

use super::pki::{KEY, Pki, STORE, read};
use crate::connection::Connection;
use crate::security::Surroundings;
use crate::security::java::{Given, from_java};
use crate::{Error, HostPort, Settings};

/// The newest release that `cargo xtask kafka fetch` brings.
const VERSION: &str = "4.3.1";
const READY_WITHIN: Duration = Duration::from_secs(120);

/// A broker with a listener for logins and one for client certificates. It ends with the test: the shell kills Java
/// when its standard input is closed.
struct Kafka {
    shell: Child,
    logins: HostPort,
    certificates: HostPort,
}

impl Drop for Kafka {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        drop(self.shell.wait());
    }
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Kafka {
    fn start(pki: &Pki) -> Self {
        let libs =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/kafka").join(VERSION).join("libs");
        assert!(
            libs.join("pom.xml").exists(),
            "no Apache Kafka {VERSION} here; run `cargo xtask kafka fetch` first"
        );
        let [plain, controller, logins, certificates] = [(); 4].map(|()| free_port());
        let modules = "org.apache.kafka.common.security";
        let properties = format!(
            "process.roles=broker,controller\nnode.id=1\ncontroller.quorum.voters=1@127.0.0.1:{controller}\n\
             listeners=PLAINTEXT://127.0.0.1:{plain},CONTROLLER://127.0.0.1:{controller},\
             LOGINS://127.0.0.1:{logins},CERTIFICATES://127.0.0.1:{certificates}\n\
             advertised.listeners=PLAINTEXT://127.0.0.1:{plain},LOGINS://localhost:{logins},\
             CERTIFICATES://localhost:{certificates}\n\
             inter.broker.listener.name=PLAINTEXT\ncontroller.listener.names=CONTROLLER\n\
             listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,LOGINS:SASL_SSL,\
             CERTIFICATES:SSL\n\
             log.dirs={log}\noffsets.topic.replication.factor=1\nconnections.max.reauth.ms=60000\n\
             ssl.keystore.location={store}\nssl.keystore.type=PKCS12\nssl.keystore.password={STORE}\n\
             ssl.truststore.location={ca}\nssl.truststore.type=PEM\n\
             listener.name.certificates.ssl.client.auth=required\n\
             sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER\n\
             listener.name.logins.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER\n\
             listener.name.logins.plain.sasl.jaas.config={modules}.plain.PlainLoginModule required \
             user_alice=\"pencil\";\n\
             listener.name.logins.scram-sha-256.sasl.jaas.config={modules}.scram.ScramLoginModule required;\n\
             listener.name.logins.scram-sha-512.sasl.jaas.config={modules}.scram.ScramLoginModule required;\n\
             listener.name.logins.oauthbearer.sasl.jaas.config=\
             {modules}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub=\"broker\";\n",
            log = pki.path("log"),
            store = pki.path("broker.p12"),
            ca = pki.path("ca.pem"),
        );
        pki.write("server.properties", properties);
        let classpath = format!("{}/*", libs.display());
        let path = pki.path("server.properties");
        let format = Command::new("java")
            .args(["-Xmx256m", "-cp", &classpath, "kafka.tools.StorageTool", "format"])
            .args(["-t", "b3RscDJrYWZrYS10ZXN0cw", "-c", &path])
            .args(["--add-scram", "SCRAM-SHA-256=[name=alice,password=pencil]"])
            .args(["--add-scram", "SCRAM-SHA-512=[name=alice,password=pencil,iterations=10000]"])
            .output()
            .unwrap();
        assert!(format.status.success(), "{}", String::from_utf8_lossy(&format.stderr));
        let script = r#"java "$@" >"$LOG" 2>&1 & cat >/dev/null; kill -9 $!; wait"#;
        let shell = Command::new("sh")
            .args([
                "-c",
                script,
                "sh",
                "-Xmx512m",
                "-XX:+UseSerialGC",
                "-cp",
                &classpath,
                "kafka.Kafka",
                &path,
            ])
            .env("LOG", pki.path("kafka.log"))
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let at = |port| HostPort { host: "localhost".to_owned(), port };
        Self { shell, logins: at(logins), certificates: at(certificates) }
    }
}

fn settings(pki: &Pki, broker: &HostPort, pairs: &[(&str, &str)]) -> Settings {
    let mut given: Given = pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    given.insert("ssl.truststore.location".to_owned(), pki.path("trust.jks"));
    given.insert("ssl.truststore.password".to_owned(), STORE.to_owned());
    let mut settings = Settings::new(vec![broker.clone()], "security");
    settings.security = from_java(&given, &Surroundings::files(read())).unwrap();
    settings
}

/// Connects and logs in, renews the login (KIP-368), and asks for something.
async fn visit(settings: &Settings) -> Result<bool, Error> {
    let mut connection = Connection::open(settings, &settings.bootstrap[0]).await?;
    let renews = connection.renew_at.is_some();
    if renews {
        connection.log_in(settings).await?;
    }
    connection.ask_in(settings, 0, &ApiVersionsRequest::default()).await?;
    Ok(renews)
}

fn login<'a>(mechanism: &'a str, jaas: &'a str) -> [(&'a str, &'a str); 3] {
    [("security.protocol", "SASL_SSL"), ("sasl.mechanism", mechanism), ("sasl.jaas.config", jaas)]
}

fn jaas(module: &str, password: &str) -> String {
    format!("org.apache.kafka.common.security.{module} required username=\"alice\" password=\"{password}\";")
}

/// Stores of the broker and of clients.
fn stores(pki: &Pki) {
    pki.openssl(&format!(
        "pkcs12 -export -in broker.pem -inkey broker.key -certfile ca.pem -passout pass:{STORE} -out broker.p12"
    ));
    pki.keytool(&format!(
        "-importcert -noprompt -alias ca -file ca.pem -keystore trust.jks -storetype JKS -storepass {STORE}"
    ));
    pki.openssl(&format!(
        "pkcs12 -export -in client.pem -inkey client.key -certfile ca.pem -name client -passout pass:{STORE} \
         -out client.p12"
    ));
    pki.keytool(&format!(
        "-importkeystore -noprompt -srckeystore client.p12 -srcstoretype PKCS12 -srcstorepass {STORE} -alias client \
         -destkeystore client.jks -deststoretype JKS -deststorepass {STORE} -destkeypass {KEY}"
    ));
}

#[tokio::test]
async fn a_real_kafka_lets_in_whom_it_should() {
    let pki = Pki::new();
    stores(&pki);
    let kafka = Kafka::start(&pki);
    let (plain, scram) = (jaas("plain.PlainLoginModule", "pencil"), jaas("scram.ScramLoginModule", "pencil"));
    let first = settings(&pki, &kafka.logins, &login("PLAIN", &plain));
    let began = Instant::now();
    while let Err(error) = visit(&first).await {
        let log = || fs::read_to_string(pki.path("kafka.log")).unwrap_or_default();
        assert!(began.elapsed() < READY_WITHIN, "{error}\n{}", log());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    for mechanism in ["SCRAM-SHA-256", "SCRAM-SHA-512"] {
        let good = settings(&pki, &kafka.logins, &login(mechanism, &scram));
        assert_eq!(visit(&good).await, Ok(true), "{mechanism}");
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let encode = |text: &str| base64_simd::URL_SAFE_NO_PAD.encode_to_string(text);
    let claims = format!("{{\"sub\":\"alice\",\"iat\":{now},\"exp\":{}}}", now + 600);
    pki.write("token", format!("{}.{}.\n", encode("{\"alg\":\"none\"}"), encode(&claims)));
    let url = format!("file://{}", pki.path("token"));
    let bearer = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required;";
    let mut pairs = login("OAUTHBEARER", bearer).to_vec();
    pairs.push(("sasl.oauthbearer.token.endpoint.url", &url));
    let bearer = settings(&pki, &kafka.logins, &pairs);
    assert_eq!(visit(&bearer).await, Ok(true));
    let identity = [
        ("security.protocol", "SSL"),
        ("ssl.keystore.location", &pki.path("client.jks")),
        ("ssl.keystore.password", STORE),
        ("ssl.key.password", KEY),
    ];
    assert_eq!(visit(&settings(&pki, &kafka.certificates, &identity)).await, Ok(false));

    // And not the others, each in one line that says what and where.
    pki.write("token", "abc.def.ghi");
    let place = kafka.logins.to_string();
    for (refused, expected) in [
        (bearer, "invalid_token"),
        (
            settings(&pki, &kafka.logins, &login("PLAIN", &jaas("plain.PlainLoginModule", "guess"))),
            "Invalid username",
        ),
        (
            settings(&pki, &kafka.logins, &login("SCRAM-SHA-512", &jaas("scram.ScramLoginModule", "guess"))),
            "invalid credentials",
        ),
    ] {
        let error = visit(&refused).await.unwrap_err();
        assert!(matches!(error, Error::Login { .. }), "{error:?}");
        let error = error.to_string();
        assert!(error.starts_with(&place) && error.contains(expected), "{error}");
        assert!(!error.contains("guess") && !error.contains('\n'), "{error}");
    }
    let error = visit(&settings(&pki, &kafka.certificates, &identity[..1])).await.unwrap_err().to_string();
    assert!(error.contains("certificate"), "{error}");
}
