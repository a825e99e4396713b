//! Fuzzing: what brokers say while a client logs in. The client of SCRAM proves what the formulas of RFC 5802 say, and
//! takes only the signature of one who knows the password; what it understands of a challenge is what the challenge
//! says.
//!
//! The first byte chooses hash and mechanism (highest bit: OAUTHBEARER); a zero byte divides the broker's messages.
#![no_main]

use kafka_client::fuzzing::security::{ScramLogin, oauth_refusal, scram_challenge};
use kafka_client::security::ScramHash;
use libfuzzer_sys::fuzz_target;
use ring::{digest, hmac, pbkdf2};

const NONCE: &str = "rOprNGfwEbeRWgbNEkqO";

fuzz_target!(|input: &[u8]| {
    let Some((kind, said)) = input.split_first() else { return };
    if kind & 0x80 != 0 {
        return refusal(said);
    }
    let hash = if kind & 1 == 0 { ScramHash::Sha256 } else { ScramHash::Sha512 };
    let mut messages = said.splitn(2, |byte| *byte == 0);
    let (first, last) = (messages.next().unwrap_or_default(), messages.next().unwrap_or_default());
    if let Ok(text) = std::str::from_utf8(first) {
        understood(text);
        // The client's own number is nothing that an input would guess.
        scram(hash, &text.replacen("r=", &format!("r={NONCE}"), 1), last);
    }
    let mut login = ScramLogin::new(hash, NONCE);
    login.respond(None).expect("it speaks first");
    drop(login.respond(Some(first)));
});

fn refusal(said: &[u8]) {
    if said.is_empty() {
        return;
    }
    let (answer, end) = oauth_refusal(said);
    assert_eq!(answer.as_deref(), Some(&b"\x01"[..]));
    let words = end.expect_err("a challenge is a refusal").to_string();
    assert!(!words.chars().any(char::is_control) && words.len() < 1000, "{words:?}");
}

/// What was read, written by the grammar, is how the message begins.
fn understood(text: &str) {
    let Some((nonce, salt, rounds)) = scram_challenge(text) else { return };
    let written = format!("r={nonce},s={},i={rounds}", base64_simd::STANDARD.encode_to_string(&salt));
    let rest = text.strip_prefix(&written).unwrap_or_else(|| panic!("{text:?} was taken for {written:?}"));
    assert!(rest.is_empty() || rest.starts_with(','));
}

fn scram(hash: ScramHash, challenge: &str, last: &[u8]) {
    let mut login = ScramLogin::new(hash, NONCE);
    let first = login.respond(None).expect("it speaks first").expect("it has something to say");
    let bare = String::from_utf8(first).expect("text").split_off(3);
    let Ok(said) = login.respond(Some(challenge.as_bytes())) else { return };
    let said = String::from_utf8(said.expect("a proof")).expect("text");
    let (nonce, salt, rounds) = scram_challenge(challenge).expect("it was answered");
    let (without_proof, proof) = said.rsplit_once(",p=").expect("a proof");
    assert_eq!(without_proof, format!("c=biws,r={nonce}"));
    let message = format!("{bare},{challenge},{without_proof}");
    let proof = base64_simd::STANDARD.decode_to_vec(proof).expect("base64");
    let signature = server(hash, &salt, rounds, &message, &proof);
    let honest = format!("v={}", base64_simd::STANDARD.encode_to_string(signature));
    let before_extensions = last.split(|byte| *byte == b',').next().unwrap_or_default();
    let accepted = login.respond(Some(last));
    assert_eq!(accepted.is_ok(), before_extensions == honest.as_bytes(), "{accepted:?}");
    // And one who knows the password is let in.
    let mut login = ScramLogin::new(hash, NONCE);
    drop((login.respond(None), login.respond(Some(challenge.as_bytes()))));
    assert_eq!(login.respond(Some(honest.as_bytes())), Ok(None));
    assert!(login.respond(Some(b"")).is_err());
}

/// A server that knows the password, by RFC 5802, section 3: checks the proof and signs.
fn server(hash: ScramHash, salt: &[u8], rounds: u32, message: &str, proof: &[u8]) -> Vec<u8> {
    let (mac, hash, derive) = match hash {
        ScramHash::Sha256 => (hmac::HMAC_SHA256, &digest::SHA256, pbkdf2::PBKDF2_HMAC_SHA256),
        ScramHash::Sha512 => (hmac::HMAC_SHA512, &digest::SHA512, pbkdf2::PBKDF2_HMAC_SHA512),
    };
    let mut salted = vec![0; hash.output_len()];
    pbkdf2::derive(derive, rounds.try_into().expect("a round"), salt, b"pencil", &mut salted);
    let sign = |key: &[u8], what: &[u8]| hmac::sign(&hmac::Key::new(mac, key), what).as_ref().to_vec();
    let stored_key = digest::digest(hash, &sign(&salted, b"Client Key"));
    let mask = sign(stored_key.as_ref(), message.as_bytes());
    let client_key: Vec<u8> = proof.iter().zip(&mask).map(|(proof, mask)| proof ^ mask).collect();
    assert_eq!(digest::digest(hash, &client_key).as_ref(), stored_key.as_ref());
    sign(&sign(&salted, b"Server Key"), message.as_bytes())
}
