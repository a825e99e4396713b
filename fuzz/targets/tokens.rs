//! Fuzzing: tokens and credentials from endpoints and files. What is taken can stand in a message of SASL and is what
//! the answer says; what is refused is told in one short line without what may be secret.
//!
//! The first byte chooses what the rest is.
#![no_main]

use kafka_client::fuzzing::security::{
    aws_answer, aws_section, token_answer, token_file, url, url_in_errors,
};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|input: &[u8]| {
    let Some((kind, bytes)) = input.split_first() else { return };
    match kind % 6 {
        0 => answer(200, bytes),
        1 => answer(400 + u16::from(kind / 6), bytes),
        2 => file(bytes),
        3 => address(&String::from_utf8_lossy(bytes)),
        4 => credentials(bytes),
        _ => profile(&String::from_utf8_lossy(bytes)),
    }
});

fn one_line(words: &str) {
    assert!(!words.chars().any(char::is_control) && words.len() < 1000, "{words:?}");
}

fn legal(token: &str) -> bool {
    !token.is_empty() && token.bytes().all(|c| c.is_ascii_alphanumeric() || b"-._~+/=".contains(&c))
}

fn answer(status: u16, body: &[u8]) {
    let told: Option<Value> = serde_json::from_slice(body).ok();
    match token_answer(status, body) {
        Ok((token, lives_for)) => {
            assert!(status == 200 && legal(&token));
            let told = told.expect("an answer is JSON");
            assert_eq!(told["access_token"], Value::String(token));
            let limit = told.get("expires_in").and_then(Value::as_u64);
            assert!(limit.is_none_or(|limit| lives_for.is_some_and(|lives| lives.as_secs() <= limit)));
        }
        Err(words) => one_line(&words),
    }
}

fn file(bytes: &[u8]) {
    match token_file(bytes) {
        Ok(token) => {
            assert!(legal(&token));
            assert_eq!(std::str::from_utf8(bytes).expect("it is text").trim(), token);
        }
        Err(error) => one_line(&error.to_string()),
    }
}

fn address(text: &str) {
    // A user and a query may be secrets.
    let shown = url_in_errors(text);
    one_line(&shown);
    assert!(!shown.contains(['?', '#', '@']), "{shown:?}");
    match url(text) {
        Ok((host, port, secure)) => {
            assert!(!host.is_empty() && port > 0 && !host.contains(['@', '/', '?', '#']), "{host:?}");
            let bracketed = if host.contains(':') { format!("[{host}]") } else { host.clone() };
            let again = format!("{}://{bracketed}:{port}", if secure { "https" } else { "http" });
            assert_eq!(url(&again), Ok((host, port, secure)));
        }
        Err(error) => one_line(&error.to_string()),
    }
}

fn credentials(bytes: &[u8]) {
    let Ok(told) = serde_json::from_slice::<Value>(bytes) else { return };
    let Some((id, secret, token, ends)) = aws_answer(&told) else { return };
    assert_eq!((&told["AccessKeyId"], &told["SecretAccessKey"]), (&id.into(), &secret.into()));
    assert!(token.is_none_or(|token| told["Token"] == token));
    // The year 9999 is the last that is taken of a text.
    let counted = told["Expiration"].is_number();
    assert!(ends.is_none_or(|ends| counted || ends.as_secs() < 253_402_300_800));
}

fn profile(text: &str) {
    let found = aws_section(text, "default");
    let mut written = "[other]\nregion = x\n[default]\n".to_owned();
    for (key, value) in &found {
        assert!(!key.contains('\n') && !value.contains('\n'));
        // Without a blank: behind one, the sign of comments would begin one.
        written.push_str(&format!("{key}={value}\n"));
    }
    // Keys that begin as comments or sections do are not met in files of AWS.
    if found.keys().all(|key| !key.is_empty() && !key.starts_with(['#', ';', '['])) {
        assert_eq!(aws_section(&written, "default"), found, "{written:?}");
    }
}
