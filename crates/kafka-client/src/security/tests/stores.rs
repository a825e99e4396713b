//! Hop 7: Stores of all kinds, whole, under wrong passwords, cut off and with bytes changed.

use super::pki::{KEY, Pki, STORE, passwords};
use crate::security::store::{self, StoreError};

/// The DER of a PEM file's certificate.
fn der(pki: &Pki, name: &str) -> Vec<u8> {
    store::trusted(&pki.bytes(name), &passwords(None, None)).unwrap()[0].to_vec()
}

fn trusted(pki: &Pki, name: &str, password: Option<&str>) -> Result<Vec<Vec<u8>>, StoreError> {
    let found = store::trusted(&pki.bytes(name), &passwords(password, None))?;
    Ok(found.into_iter().map(|certificate| certificate.to_vec()).collect())
}

/// The chain, if the key is that of its first certificate, which `Tls` checks in other tests.
fn identity(
    pki: &Pki,
    name: &str,
    password: Option<&str>,
    key: Option<&str>,
) -> Result<Vec<Vec<u8>>, StoreError> {
    let found = store::identity(&pki.bytes(name), &passwords(password, key))?;
    assert_eq!(found.key.secret_der(), plain_key(pki), "{name}");
    Ok(found.chain.into_iter().map(|certificate| certificate.to_vec()).collect())
}

fn plain_key(pki: &Pki) -> Vec<u8> {
    let both = pki.both("client");
    store::identity(&pki.bytes(&both), &passwords(None, None)).unwrap().key.secret_der().to_vec()
}

const WRONG_STORE: StoreError = StoreError::WrongPassword { which: store::STORE_PASSWORD };
const WRONG_KEY: StoreError = StoreError::WrongPassword { which: store::KEY_PASSWORD };

fn key_stores(pki: &Pki) {
    let from = format!(
        "-importkeystore -noprompt -srckeystore openssl.p12 -srcstoretype PKCS12 -srcstorepass {STORE}"
    );
    pki.openssl(&format!(
        "pkcs12 -export -in client.pem -inkey client.key -certfile ca.pem -name client -passout pass:{STORE} \
         -out openssl.p12"
    ));
    pki.openssl(
        "pkcs12 -export -in client.pem -inkey client.key -certfile ca.pem -keypbe NONE -certpbe NONE \
         -nomac -passout pass: -out open.p12",
    );
    pki.keytool(&format!("{from} -destkeystore keytool.p12 -deststoretype PKCS12 -deststorepass {STORE}"));
    pki.keytool(&format!(
        "-J-Dkeystore.pkcs12.legacy {from} -destkeystore legacy.p12 -deststoretype PKCS12 -deststorepass {STORE}"
    ));
    pki.keytool(&format!(
        "{from} -alias client -destkeystore two.jks -deststoretype JKS -deststorepass {STORE} -destkeypass {KEY}"
    ));
    pki.keytool(&format!(
        "{from} -alias client -destkeystore one.jks -deststoretype JKS -deststorepass {STORE} -destkeypass {STORE}"
    ));
}

#[test]
fn own_keys_are_read_from_every_kind_of_store() {
    let pki = Pki::new();
    key_stores(&pki);
    let expected = vec![der(&pki, "client.pem"), der(&pki, "ca.pem")];
    for name in ["openssl.p12", "keytool.p12", "legacy.p12", "one.jks"] {
        assert_eq!(identity(&pki, name, Some(STORE), None), Ok(expected.clone()), "{name}");
        assert_eq!(identity(&pki, name, Some("other"), None), Err(WRONG_STORE), "{name}");
        assert!(matches!(identity(&pki, name, None, None), Err(StoreError::NoPassword { .. })), "{name}");
    }
    assert_eq!(identity(&pki, "two.jks", Some(STORE), Some(KEY)), Ok(expected.clone()));
    assert_eq!(identity(&pki, "two.jks", Some(STORE), None), Err(WRONG_KEY));
    for how in ["-keypbe NONE -certpbe NONE -nomac", ""] {
        let how = format!(
            "pkcs12 -export -in client.pem -inkey client.key -certfile ca.pem {how} -passout pass: -out empty.p12"
        );
        pki.openssl(&how);
        assert_eq!(identity(&pki, "empty.p12", None, None), Ok(expected.clone()), "{how}");
    }
    assert_eq!(identity(&pki, "client.pem", None, None), Err(StoreError::NoKey));
    assert_eq!(identity(&pki, "client.key", None, None), Err(StoreError::NoCertificate));
}

#[test]
fn encrypted_pem_keys_are_read() {
    let pki = Pki::new();
    let expected = Ok(vec![der(&pki, "client.pem")]);
    for how in [
        "-v2 aes-256-cbc -v2prf hmacWithSHA256",
        "-v2 aes-128-cbc -v2prf hmacWithSHA512",
        "-v2 aes-192-cbc -v2prf hmacWithSHA384",
        "-v2 des3 -v2prf hmacWithSHA1",
        "-v1 PBE-SHA1-3DES",
    ] {
        pki.openssl(&format!("pkcs8 -topk8 -in client.key -passout pass:{KEY} {how} -out encrypted.key"));
        pki.write("encrypted.pem", pki.text("client.pem") + &pki.text("encrypted.key"));
        assert_eq!(identity(&pki, "encrypted.pem", None, Some(KEY)), expected, "{how}");
        assert_eq!(identity(&pki, "encrypted.pem", Some(KEY), None), expected, "{how}");
        assert_eq!(identity(&pki, "encrypted.pem", None, Some("other")), Err(WRONG_KEY), "{how}");
        let none = identity(&pki, "encrypted.pem", None, None);
        assert_eq!(none, Err(StoreError::NoPassword { which: store::KEY_PASSWORD }), "{how}");
    }
    pki.openssl(&format!("pkcs8 -topk8 -in client.key -passout pass:{KEY} -scrypt -out encrypted.key"));
    pki.write("encrypted.pem", pki.text("client.pem") + &pki.text("encrypted.key"));
    assert!(matches!(identity(&pki, "encrypted.pem", None, Some(KEY)), Err(StoreError::Broken(_))));
    pki.openssl(&format!("ec -in client.key -aes128 -passout pass:{KEY} -out old.key"));
    let error = identity(&pki, "old.key", None, Some(KEY)).unwrap_err();
    assert!(error.to_string().contains("openssl pkcs8"), "{error}");
}

#[test]
fn trusted_certificates_are_read_from_every_kind_of_store() {
    let pki = Pki::new();
    pki.authority("other");
    for (kind, name) in [("JKS", "trust.jks"), ("PKCS12", "trust.p12")] {
        for ca in ["ca", "other"] {
            pki.keytool(&format!(
                "-importcert -noprompt -alias {ca} -file {ca}.pem -keystore {name} -storetype {kind} -storepass {STORE}"
            ));
        }
    }
    pki.openssl(&format!("pkcs12 -export -nokeys -in ca.pem -passout pass:{STORE} -out unmarked.p12"));
    pki.write("trust.pem", format!("Subject: a\n{}\n{}", pki.text("ca.pem"), pki.text("other.pem")));
    let mut expected = vec![der(&pki, "ca.pem"), der(&pki, "other.pem")];
    expected.sort();
    for (name, password) in
        [("trust.jks", Some(STORE)), ("trust.jks", None), ("trust.p12", Some(STORE)), ("trust.pem", None)]
    {
        let mut found = trusted(&pki, name, password).unwrap();
        found.sort();
        assert_eq!(found, expected, "{name}");
    }
    assert_eq!(trusted(&pki, "unmarked.p12", Some(STORE)), Ok(vec![der(&pki, "ca.pem")]));
    for name in ["trust.jks", "trust.p12", "unmarked.p12"] {
        assert_eq!(trusted(&pki, name, Some("other")), Err(WRONG_STORE), "{name}");
    }
    assert_eq!(trusted(&pki, "client.key", None), Err(StoreError::NothingToTrust));
    let one_line = pki.text("ca.pem").replace('\n', " ");
    assert_eq!(store::trusted(one_line.as_bytes(), &passwords(None, None)).unwrap().len(), 1);
}

#[test]
fn stores_that_are_cut_off_or_changed_are_refused_in_words() {
    let pki = Pki::new();
    key_stores(&pki);
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    for (name, password) in [
        ("open.p12", None),
        ("openssl.p12", Some(STORE)),
        ("one.jks", Some(STORE)),
        ("client.both.pem", None),
    ] {
        pki.both("client");
        let whole = pki.bytes(name);
        let passwords = passwords(password, Some(STORE));
        let until = whole.len() - if name.ends_with("pem") { 10 } else { 1 };
        for length in (0..until).step_by(1 + until / 200).chain([until]) {
            let error = store::identity(&whole[..length], &passwords).unwrap_err();
            assert!(!matches!(error, StoreError::WrongPassword { .. }), "{name} {length}: {error}");
        }
        for _ in 0..300 {
            let mut changed = whole.clone();
            for _ in 0..random.usize(1..4) {
                let at = random.usize(..changed.len());
                // Counts of rounds in the millions are legal, and slow.
                changed[at] =
                    if password.is_some() { changed[at] ^ 1 << random.u8(..3) } else { random.u8(..) };
            }
            drop(store::identity(&changed, &passwords));
            drop(store::trusted(&changed, &passwords));
        }
    }
}

#[test]
fn counts_and_lengths_that_lie_cost_nothing() {
    let mut lie = vec![0xFE, 0xED, 0xFE, 0xED, 0, 0, 0, 2, 0xFF, 0xFF, 0xFF, 0xFF];
    lie.extend([0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF]);
    lie.extend([0; 64]);
    assert!(matches!(store::trusted(&lie, &passwords(Some("x"), None)), Err(StoreError::Broken(_))));
    let jceks = [0xCE; 40];
    let error = store::trusted(&jceks, &passwords(None, None)).unwrap_err();
    assert!(error.to_string().contains("keytool -importkeystore"), "{error}");
    for bytes in [&b""[..], b"\x30", b"-----BEGIN CERTIFICATE", b"-----BEGIN CERTIFICATE-----\nAAA"] {
        assert!(
            matches!(store::trusted(bytes, &passwords(None, None)), Err(StoreError::Broken(_))),
            "{bytes:?}"
        );
    }
}
