//! Hop 7: SCRAM (RFC 5802, RFC 7677): both sides prove that they know the password, and neither says it.

use std::num::NonZeroU32;

use ring::rand::{SecureRandom, SystemRandom};
use ring::{digest, hmac, pbkdf2};

use super::Secret;
use super::sasl::{Conversation, Login, SaslError};

/// Fewer rounds make guessing cheap for who listens; RFC 7677 and Kafka ask for as many.
const ROUNDS_MIN: u32 = if cfg!(fuzzing) { 1 } else { 4096 };
/// More rounds would let a broker choose how long this client computes; Kafka's own limit is 16384.
const ROUNDS_MAX: u32 = if cfg!(fuzzing) { 4096 } else { 1_000_000 };
/// Of the client's random number, before base64.
const NONCE_BYTES: usize = 24;
/// Salts and nonces of brokers have some tens of bytes.
const CHALLENGE_MAX: usize = 4096;
/// `n,,`: no channel binding, no other identity.
const GS2_HEADER: &str = "n,,";

/// The hash of SCRAM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScramHash {
    /// `SCRAM-SHA-256`.
    Sha256,
    /// `SCRAM-SHA-512`.
    Sha512,
}

impl ScramHash {
    pub(super) const fn mechanism(self) -> &'static str {
        match self {
            Self::Sha256 => "SCRAM-SHA-256",
            Self::Sha512 => "SCRAM-SHA-512",
        }
    }

    fn hmac(self) -> hmac::Algorithm {
        match self {
            Self::Sha256 => hmac::HMAC_SHA256,
            Self::Sha512 => hmac::HMAC_SHA512,
        }
    }

    fn digest(self) -> &'static digest::Algorithm {
        match self {
            Self::Sha256 => &digest::SHA256,
            Self::Sha512 => &digest::SHA512,
        }
    }

    fn pbkdf2(self) -> pbkdf2::Algorithm {
        match self {
            Self::Sha256 => pbkdf2::PBKDF2_HMAC_SHA256,
            Self::Sha512 => pbkdf2::PBKDF2_HMAC_SHA512,
        }
    }
}

/// A login under way.
pub(super) struct Scram {
    hash: ScramHash,
    password: Secret,
    nonce: String,
    first_bare: String,
    state: State,
}

enum State {
    First,
    WaitsForChallenge,
    /// The broker has to show this signature.
    WaitsForProof(hmac::Key, Vec<u8>),
    Done,
}

impl Scram {
    pub(super) fn new(hash: ScramHash, login: &Login, token_auth: bool) -> Result<Self, SaslError> {
        let mut random = [0; NONCE_BYTES];
        SystemRandom::new().fill(&mut random).map_err(|_| SaslError::Random)?;
        Self::with_nonce(hash, login, token_auth, base64_simd::STANDARD.encode_to_string(random))
    }

    pub(super) fn with_nonce(
        hash: ScramHash,
        login: &Login,
        token_auth: bool,
        nonce: String,
    ) -> Result<Self, SaslError> {
        prepared("the username", &login.username)?;
        prepared("the password", login.password.reveal())?;
        let name = login.username.replace('=', "=3D").replace(',', "=2C");
        let extension = if token_auth { ",tokenauth=true" } else { "" };
        let first_bare = format!("n={name},r={nonce}{extension}");
        Ok(Self { hash, password: login.password.clone(), nonce, first_bare, state: State::First })
    }

    fn prove(&self, challenge: &[u8]) -> Result<(String, State), SaslError> {
        let challenge = text(challenge)?;
        let first = ServerFirst::read(challenge)?;
        if first.nonce.len() <= self.nonce.len() || !first.nonce.starts_with(&self.nonce) {
            return Err(SaslError::Broker("its nonce does not continue the client's"));
        }
        let rounds = NonZeroU32::new(first.rounds)
            .filter(|rounds| (ROUNDS_MIN..=ROUNDS_MAX).contains(&rounds.get()))
            .ok_or(SaslError::Broker("it wants fewer than 4096 or more than 1000000 iterations"))?;
        let mut salted = vec![0; self.hash.digest().output_len()];
        let password = self.password.reveal().as_bytes();
        pbkdf2::derive(self.hash.pbkdf2(), rounds, &first.salt, password, &mut salted);
        let salted = hmac::Key::new(self.hash.hmac(), &salted);
        let client_key = hmac::sign(&salted, b"Client Key");
        let server_key = hmac::sign(&salted, b"Server Key");
        let stored_key = digest::digest(self.hash.digest(), client_key.as_ref());
        let binding = base64_simd::STANDARD.encode_to_string(GS2_HEADER);
        let without_proof = format!("c={binding},r={}", first.nonce);
        let auth_message = format!("{},{challenge},{without_proof}", self.first_bare);
        let signature =
            hmac::sign(&hmac::Key::new(self.hash.hmac(), stored_key.as_ref()), auth_message.as_bytes());
        let proof: Vec<u8> =
            client_key.as_ref().iter().zip(signature.as_ref()).map(|(key, mask)| key ^ mask).collect();
        let said = format!("{without_proof},p={}", base64_simd::STANDARD.encode_to_string(proof));
        let key = hmac::Key::new(self.hash.hmac(), server_key.as_ref());
        Ok((said, State::WaitsForProof(key, auth_message.into_bytes())))
    }
}

impl Conversation for Scram {
    fn respond(&mut self, challenge: Option<&[u8]>) -> Result<Option<Vec<u8>>, SaslError> {
        match (std::mem::replace(&mut self.state, State::Done), challenge) {
            (State::First, None) => {
                self.state = State::WaitsForChallenge;
                Ok(Some(format!("{GS2_HEADER}{}", self.first_bare).into_bytes()))
            }
            (State::WaitsForChallenge, Some(challenge)) => {
                let (said, state) = self.prove(challenge)?;
                self.state = state;
                Ok(Some(said.into_bytes()))
            }
            (State::WaitsForProof(key, auth_message), Some(challenge)) => {
                verify(&key, &auth_message, text(challenge)?)?;
                Ok(None)
            }
            _ => Err(SaslError::Broker("it speaks out of turn")),
        }
    }
}

/// The broker knows what the password was made into, or is not the broker.
fn verify(key: &hmac::Key, auth_message: &[u8], said: &str) -> Result<(), SaslError> {
    if let Some(error) = said.strip_prefix("e=") {
        return Err(SaslError::refused(error.as_bytes()));
    }
    let said = said.split(',').next().and_then(|it| it.strip_prefix("v="));
    let signature = said
        .and_then(|said| base64_simd::STANDARD.decode_to_vec(said).ok())
        .ok_or(SaslError::Broker("it shows no signature"))?;
    hmac::verify(key, auth_message, &signature)
        .map_err(|_| SaslError::Broker("its signature is not that of one who knows the password"))
}

fn text(said: &[u8]) -> Result<&str, SaslError> {
    if said.len() > CHALLENGE_MAX {
        return Err(SaslError::Broker("it is too long"));
    }
    std::str::from_utf8(said).map_err(|_| SaslError::Broker("it is not UTF-8"))
}

/// Names and passwords go as their UTF-8 bytes: SASLprep (RFC 4013) leaves printable ASCII as it is, and beyond that
/// Kafka's brokers and Java's clients do not apply it, so that who applied it would not be let in. What it prohibits
/// in ASCII, control characters, comes from a mistake such as a line end, and is refused.
fn prepared(what: &'static str, text: &str) -> Result<(), SaslError> {
    let why = if text.is_empty() {
        "is empty"
    } else if text.chars().any(char::is_control) {
        "has a control character, such as a line end"
    } else {
        return Ok(());
    };
    Err(SaslError::Credentials { what, why })
}

/// `r=nonce,s=salt,i=rounds`.
struct ServerFirst<'a> {
    nonce: &'a str,
    salt: Vec<u8>,
    rounds: u32,
}

impl<'a> ServerFirst<'a> {
    fn read(said: &'a str) -> Result<Self, SaslError> {
        let malformed = SaslError::Broker("its challenge is malformed");
        if let Some(error) = said.strip_prefix("e=") {
            return Err(SaslError::refused(error.as_bytes()));
        }
        let mut fields = said.split(',');
        let mut field = |name: &str| fields.next().and_then(|field| field.strip_prefix(name));
        let (Some(nonce), Some(salt), Some(rounds)) = (field("r="), field("s="), field("i=")) else {
            return Err(malformed);
        };
        let salt = base64_simd::STANDARD.decode_to_vec(salt).ok().filter(|salt| !salt.is_empty());
        // Rust would read a sign and leading zeros as well.
        let digits =
            Some(rounds).filter(|digits| digits.starts_with(|first: char| matches!(first, '1'..='9')));
        let (Some(salt), Some(Ok(rounds))) = (salt, digits.map(str::parse)) else { return Err(malformed) };
        Ok(Self { nonce, salt, rounds })
    }
}

/// Nonce, salt and rounds, for fuzzing.
#[cfg(fuzzing)]
pub(super) fn challenge(said: &str) -> Option<(String, Vec<u8>, u32)> {
    ServerFirst::read(said).ok().map(|first| (first.nonce.to_owned(), first.salt, first.rounds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(username: &str, password: &str) -> Login {
        Login { username: username.to_owned(), password: Secret::new(password) }
    }

    /// The example of RFC 7677, section 3.
    const NONCE: &str = "rOprNGfwEbeRWgbNEkqO";
    const SERVER_FIRST: &str =
        "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
    const SERVER_FINAL: &str = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

    fn example() -> Scram {
        let mut scram =
            Scram::with_nonce(ScramHash::Sha256, &login("user", "pencil"), false, NONCE.to_owned()).unwrap();
        let first = scram.respond(None).unwrap().unwrap();
        assert_eq!(first, b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
        scram
    }

    #[test]
    fn the_example_of_rfc_7677_is_spoken() {
        let mut scram = example();
        let said = scram.respond(Some(SERVER_FIRST.as_bytes())).unwrap().unwrap();
        assert_eq!(
            String::from_utf8(said).unwrap(),
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
             p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        );
        assert_eq!(scram.respond(Some(SERVER_FINAL.as_bytes())), Ok(None));
        assert!(scram.respond(Some(b"")).is_err());
    }

    #[test]
    fn a_broker_that_does_not_know_the_password_is_found_out() {
        for said in [
            "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G5=",
            "v=AAAA",
            "v=",
            "",
            "v=!",
            "e=invalid-proof",
            "\u{1}",
        ] {
            let mut scram = example();
            scram.respond(Some(SERVER_FIRST.as_bytes())).unwrap();
            assert!(scram.respond(Some(said.as_bytes())).is_err(), "{said}");
        }
    }

    #[test]
    fn challenges_that_weaken_or_break_the_login_are_refused() {
        let long = format!("{SERVER_FIRST},{}", "x".repeat(5000));
        for said in [
            "",
            "r=",
            "e=unknown-user",
            "m=ext,r=rOprNGfwEbeRWgbNEkqOx,s=QSXCR+Q6sek8bf92,i=4096",
            "r=rOprNGfwEbeRWgbNEkqO,s=QSXCR+Q6sek8bf92,i=4096",
            "r=other,s=QSXCR+Q6sek8bf92,i=4096",
            "r=rOprNGfwEbeRWgbNEkqOx,s=QSXCR+Q6sek8bf92,i=4095",
            "r=rOprNGfwEbeRWgbNEkqOx,s=QSXCR+Q6sek8bf92,i=1000001",
            "r=rOprNGfwEbeRWgbNEkqOx,s=QSXCR+Q6sek8bf92,i=99999999999",
            "r=rOprNGfwEbeRWgbNEkqOx,s=QSXCR+Q6sek8bf92,i=-1",
            "r=rOprNGfwEbeRWgbNEkqOx,s=QSXCR+Q6sek8bf92,i=+4096",
            "r=rOprNGfwEbeRWgbNEkqOx,s=QSXCR+Q6sek8bf92,i=04096",
            "r=rOprNGfwEbeRWgbNEkqOx,s=,i=4096",
            "r=rOprNGfwEbeRWgbNEkqOx,s=%%,i=4096",
            "r=rOprNGfwEbeRWgbNEkqOx,s=QSXCR+Q6sek8bf92",
            &long,
        ] {
            assert!(example().respond(Some(said.as_bytes())).is_err(), "{said}");
        }
        assert!(example().respond(Some(&[0xFF])).is_err());
        assert!(example().respond(None).is_err());
    }

    #[test]
    fn names_are_escaped_and_control_characters_refused() {
        let first = |login: &Login, token| {
            Scram::with_nonce(ScramHash::Sha512, login, token, "abc".to_owned())
                .and_then(|mut scram| scram.respond(None))
                .map(|said| String::from_utf8(said.unwrap()).unwrap())
        };
        assert_eq!(first(&login("a=b,c", "ü"), false).unwrap(), "n,,n=a=3Db=2Cc,r=abc");
        assert_eq!(first(&login("t", "p"), true).unwrap(), "n,,n=t,r=abc,tokenauth=true");
        for login in [login("", "p"), login("u", ""), login("u", "p\n"), login("u\0", "p")] {
            let error = first(&login, false).unwrap_err();
            assert!(matches!(error, SaslError::Credentials { .. }));
        }
        assert!(!format!("{:?}", login("u", "pencil")).contains("pencil"));
    }

    #[test]
    fn sha_512_proves_what_a_broker_computes() {
        let mut scram =
            Scram::with_nonce(ScramHash::Sha512, &login("user", "pencil"), false, NONCE.to_owned()).unwrap();
        scram.respond(None).unwrap();
        let said = scram.respond(Some(SERVER_FIRST.as_bytes())).unwrap().unwrap();
        // Computed with Python's hashlib and hmac.
        assert!(String::from_utf8(said).unwrap().ends_with(SHA512_PROOF));
        assert_eq!(scram.respond(Some(SHA512_FINAL.as_bytes())), Ok(None));
    }

    const SHA512_PROOF: &str =
        "gMGXRcevScNtxZ6/8lQYpGtnsNAc3mGcmNomv+xnoOMw+3R2xNJdMNnzMlTN8PPC6wdp6dybEmDYXYTxwnYPJQ==";
    const SHA512_FINAL: &str =
        "v=ZQnYEgWQMFmmsM8aQMF0nDDCy/AgCzkwk8CmMZYcMg0vSVlKDanekLtifDSeVGT4+5ZxXnJq199RVG2rR7N7Zw==";
}
