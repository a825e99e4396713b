//! Fuzzing: files with certificates and keys. What comes out of a store without encryption lies in it; a password is
//! taken only where the store's digest fits it; and what was read, written as PEM, is read the same.
//!
//! The first byte says which passwords are tried; the rest is tried as it is, and with Java's digest put right.
#![no_main]

use kafka_client::fuzzing::security::{identity, trusted};
use libfuzzer_sys::fuzz_target;
use ring::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY};

const PASSWORD: &str = "changeit";
const JKS: [u8; 4] = [0xFE, 0xED, 0xFE, 0xED];
const DIGEST: usize = 20;

fuzz_target!(|input: &[u8]| {
    let Some((kind, store)) = input.split_first() else { return };
    let password = (kind & 1 == 0).then_some(PASSWORD);
    let key = (kind & 2 == 0).then_some(PASSWORD);
    check(store, password, key);
    if let (true, Some((body, _))) = (store.starts_with(&JKS), store.split_last_chunk::<DIGEST>()) {
        check(&[body, &digest(body)].concat(), password, key);
    }
});

fn check(store: &[u8], password: Option<&str>, key: Option<&str>) {
    let found = trusted(store, password);
    let own = identity(store, password, key);
    let is_jks = store.starts_with(&JKS);
    if is_jks && password.is_some() && (found.is_ok() || own.is_ok()) {
        let (body, check) = store.split_last_chunk::<DIGEST>().expect("a digest");
        assert_eq!(digest(body), check, "a store whose digest does not fit was taken");
        let other = trusted(store, Some("other"));
        assert!(other.is_err(), "any password was taken");
    }
    if let Ok(found) = &found {
        assert!(!found.is_empty() && found.iter().map(Vec::len).sum::<usize>() <= store.len());
        if is_jks {
            assert!(found.iter().all(|one| lies_in(one, store)));
        }
        let written: String = found.iter().map(|one| pem("CERTIFICATE", one)).collect();
        assert_eq!(trusted(written.as_bytes(), None).as_ref(), Ok(found));
    }
    if let Ok((chain, secret)) = own {
        assert!(!chain.is_empty() && chain.iter().map(Vec::len).sum::<usize>() <= 10 * store.len());
        let certificates: String = chain.iter().map(|one| pem("CERTIFICATE", one)).collect();
        let written = pem("PRIVATE KEY", &secret) + &certificates;
        assert_eq!(identity(written.as_bytes(), None, None), Ok((chain, secret)));
    }
}

/// As `java.security.KeyStore` of the type JKS makes it.
fn digest(body: &[u8]) -> Vec<u8> {
    let mut context = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
    PASSWORD.encode_utf16().for_each(|unit| context.update(&unit.to_be_bytes()));
    context.update(b"Mighty Aphrodite");
    context.update(body);
    context.finish().as_ref().to_vec()
}

fn lies_in(part: &[u8], whole: &[u8]) -> bool {
    part.is_empty() || whole.windows(part.len()).any(|window| window == part)
}

fn pem(label: &str, der: &[u8]) -> String {
    let digits = base64_simd::STANDARD.encode_to_string(der);
    let lines: Vec<&str> =
        digits.as_bytes().chunks(64).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}
