//! Fuzzing: certificates in DER. What RustCrypto's `x509-cert` takes is taken here with the same issuer, subject and
//! key, and the same last common name where no alternative name is a DNS name.
#![no_main]

use der::{Decode, Encode, Header, SliceReader};
use kafka_client::fuzzing::security::certificate;
use libfuzzer_sys::fuzz_target;
use x509_cert::Certificate;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

fuzz_target!(|input: &[u8]| {
    let ours = certificate(input);
    let Ok(theirs) = Certificate::from_der(input) else { return };
    let ([issuer, subject, key], name) = ours.expect("x509-cert takes it");
    let theirs = &theirs.tbs_certificate();
    assert_eq!(issuer, content(&theirs.issuer().to_der().expect("it was read")));
    assert_eq!(subject, content(&theirs.subject().to_der().expect("it was read")));
    assert_eq!(key, content(&theirs.subject_public_key_info().to_der().expect("it was read")));
    let Ok(alternatives) = theirs
        .filter_extensions::<SubjectAltName>()
        .map(|it| it.map(|(_, it)| it))
        .collect::<Result<Vec<_>, _>>()
    else {
        return;
    };
    let has_dns =
        alternatives.iter().any(|names| names.0.iter().any(|name| matches!(name, GeneralName::DnsName(_))));
    if let (Some(Some(name)), true) = (name, has_dns) {
        panic!("{name} was taken, and there are DNS names");
    }
});

/// What is within the outermost element.
fn content(der: &[u8]) -> &[u8] {
    let reader = SliceReader::new(der).expect("short");
    let header = Header::peek(&reader).expect("an element");
    &der[der.len() - usize::try_from(header.length()).expect("short")..]
}
