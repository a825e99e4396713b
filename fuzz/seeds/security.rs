//! Fuzzing: inputs about logins, keys and certificates. Stores are made by keytool and openssl, with new keys each time.

use std::fs;
use std::io::{Error, Result};
use std::path::Path;
use std::process::Command;

use crate::write;

const JAAS: &str = "org.apache.kafka.common.security";
const STORE: &str = "changeit";

/// All of them.
pub(crate) fn write_all(corpus: &Path) -> Result<()> {
    logins(corpus)?;
    tokens(corpus)?;
    lines(corpus)?;
    let folder = tempfile::tempdir()?;
    stores(folder.path(), corpus)?;
    properties(corpus)
}

fn logins(corpus: &Path) -> Result<()> {
    let folder = corpus.join("sasl");
    let challenge = "r=%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=16";
    for (name, kind, said) in [
        ("sha-256", 0, format!("{challenge}\0v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")),
        ("sha-512", 1, format!("{challenge},x=y\0e=invalid-proof")),
        ("error", 0, "e=unknown-user".to_owned()),
        ("refusal", 0x80, r#"{"status":"invalid_token"}"#.to_owned()),
    ] {
        write(&folder, name, &[&[kind][..], said.as_bytes()].concat())?;
    }
    Ok(())
}

fn tokens(corpus: &Path) -> Result<()> {
    let folder = corpus.join("tokens");
    // {"exp":1700000000}
    let token = "e30.eyJleHAiOjE3MDAwMDAwMDB9.c2ln";
    let answer = format!(r#"{{"access_token":"{token}","expires_in":3600,"token_type":"Bearer"}}"#);
    let aws = r#"{"AccessKeyId":"A","SecretAccessKey":"s","Token":"t","Expiration":"2024-02-29T23:59:59Z"}"#;
    let profile =
        "# mine\n[other]\na=b\n[default]\naws_access_key_id = A\naws_secret_access_key=s # not so\n";
    for (name, kind, said) in [
        ("answer", 0, answer.as_str()),
        ("error", 1, r#"{"error":"invalid_client","error_description":"no"}"#),
        ("file", 2, "e30.eyJleHAiOjE3MDAwMDAwMDB9.c2ln\n"),
        ("url", 3, "https://login.example.com:8443/oauth2/token?tenant=1"),
        ("url-v6", 3, "http://[::1]/token"),
        ("aws", 4, aws),
        ("aws-seconds", 4, r#"{"AccessKeyId":"A","SecretAccessKey":"s","Expiration":1.7E9}"#),
        ("profile", 5, profile),
    ] {
        write(&folder, name, &[&[kind][..], said.as_bytes()].concat())?;
    }
    Ok(())
}

fn lines(corpus: &Path) -> Result<()> {
    let folder = corpus.join("jaas");
    for (name, line) in [
        (
            "plain",
            format!(r#"{JAAS}.plain.PlainLoginModule required username="us er" password="p\"w;\\x=/*" ;"#),
        ),
        ("comments", "a.B // why\n REQUISITE /* p=x */ p=y-1.2_$ö 'q'='\\101\\7' ;  // end".to_owned()),
        ("oauth", format!("{JAAS}.oauthbearer.OAuthBearerLoginModule required clientId=a extension_b='c';")),
    ] {
        write(&folder, name, line.as_bytes())?;
    }
    Ok(())
}

/// Of every kind and with every protection that is read, with few rounds: those cost time and nothing else.
fn stores(work: &Path, corpus: &Path) -> Result<()> {
    let openssl = |arguments: &str| run(work, "openssl", arguments);
    let keytool = |arguments: &str| run(work, "keytool", arguments);
    openssl("ecparam -name prime256v1 -genkey -noout -out ca.key")?;
    openssl("req -x509 -new -key ca.key -subj /CN=authority -days 36500 -out authority.pem")?;
    openssl("ecparam -name prime256v1 -genkey -noout -out client.key")?;
    openssl("req -new -key client.key -subj /O=example/CN=client -out client.csr")?;
    fs::write(work.join("names"), "subjectAltName=DNS:client,DNS:localhost,IP:127.0.0.1\n")?;
    openssl(
        "x509 -req -in client.csr -CA authority.pem -CAkey ca.key -CAcreateserial -days 36500 -extfile names -out client.pem",
    )?;
    openssl("x509 -req -in client.csr -CA authority.pem -CAkey ca.key -days 36500 -out version1.pem")?;
    for (name, how) in [
        ("aes", "-keypbe AES-256-CBC -certpbe AES-128-CBC -macalg SHA256"),
        ("des", "-keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-3DES -macalg SHA1"),
        ("open", "-keypbe NONE -certpbe NONE -nomac"),
    ] {
        openssl(&format!(
            "pkcs12 -export -in client.pem -inkey client.key -certfile authority.pem -iter 1 {how} -passout pass:{STORE} -out {name}.p12"
        ))?;
    }
    let few = "-J-Dkeystore.pkcs12.certPbeIterationCount=1 -J-Dkeystore.pkcs12.keyPbeIterationCount=1 \
        -J-Dkeystore.pkcs12.macIterationCount=1";
    keytool(&format!(
        "{few} -importcert -noprompt -alias ca -file authority.pem -keystore trust.p12 -storetype PKCS12 -storepass {STORE}"
    ))?;
    keytool(&format!(
        "-importcert -noprompt -alias ca -file authority.pem -keystore trust.jks -storetype JKS -storepass {STORE}"
    ))?;
    keytool(&format!(
        "-importkeystore -noprompt -srckeystore aes.p12 -srcstoretype PKCS12 -srcstorepass {STORE} \
         -destkeystore own.jks -deststoretype JKS -deststorepass {STORE}"
    ))?;
    openssl(&format!(
        "pkcs8 -topk8 -in client.key -passout pass:{STORE} -v2 aes-192-cbc -iter 1 -out hidden.key"
    ))?;
    let text = |name: &str| fs::read(work.join(name));
    fs::write(work.join("hidden.pem"), [text("client.pem")?, text("hidden.key")?].concat())?;
    openssl("pkcs8 -topk8 -nocrypt -in client.key -out open.key")?;
    fs::write(
        work.join("open.pem"),
        [text("client.pem")?, text("authority.pem")?, text("open.key")?].concat(),
    )?;
    let folder = corpus.join("key_stores");
    for name in
        ["aes.p12", "des.p12", "open.p12", "trust.p12", "trust.jks", "own.jks", "hidden.pem", "open.pem"]
    {
        write(&folder, name, &[&[0][..], &text(name)?].concat())?;
    }
    write(&folder, "authority.pem", &text("authority.pem")?)?;
    for name in ["authority", "client", "version1"] {
        openssl(&format!("x509 -in {name}.pem -outform DER -out {name}.der"))?;
        write(&corpus.join("certificates"), name, &text(&format!("{name}.der"))?)?;
    }
    Ok(())
}

/// A letter for each name of the target, in its order.
fn properties(corpus: &Path) -> Result<()> {
    let folder = corpus.join("java_security");
    let scram = format!(r#"c{JAAS}.scram.ScramLoginModule required username="u" password="SECRET";"#);
    let oauth =
        format!(r#"c{JAAS}.oauthbearer.OAuthBearerLoginModule required clientId="u" clientSecret="SECRET";"#);
    let file = fs::read_to_string(corpus.join("key_stores/authority.pem"))?;
    let pem = file.replace('\n', "\t");
    let misplaced = ["aSASL_SSL", "bPLAIN", &scram, &format!("d{scram}"), &format!("g{scram}")];
    for (name, lines) in [
        ("misplaced", misplaced.to_vec()),
        ("scram", vec!["asasl_ssl", "bSCRAM-SHA-512", &scram, "d/ca.pem", "fPEM"]),
        ("plain-text", vec!["aPLAINTEXT"]),
        ("inline", vec!["aSSL", &format!("e{pem}"), "k"]),
        ("oauth", vec!["aSASL_PLAINTEXT", "bOAUTHBEARER", &oauth, "lhttps://a/token", "p1000", "otrue"]),
        ("token", vec!["aSASL_PLAINTEXT", "bOAUTHBEARER", &oauth, "lfile:///token"]),
        ("misplaced-url", vec!["aSASL_PLAINTEXT", "bOAUTHBEARER", &oauth, &format!("l{scram}")]),
        ("aws", vec!["aSASL_SSL", "bAWS_MSK_IAM", "csoftware.amazon.msk.auth.iam.IAMLoginModule required;"]),
    ] {
        write(&folder, name, format!("{}\n{}", lines.join("\n"), file.replace('\n', " ")).as_bytes())?;
    }
    Ok(())
}

fn run(folder: &Path, program: &str, arguments: &str) -> Result<()> {
    let output = Command::new(program).args(arguments.split_whitespace()).current_dir(folder).output()?;
    let said =
        || String::from_utf8_lossy(&[output.stdout.clone(), output.stderr.clone()].concat()).into_owned();
    if output.status.success() {
        Ok(())
    } else {
        Err(Error::other(format!("{program} {arguments}: {}", said())))
    }
}
