//! Hop 7: profiles of AWS, from its shared files: `~/.aws/credentials` and `~/.aws/config`.

use std::collections::BTreeMap;

use super::super::sasl::SaslError;
use super::{AwsCredentials, AwsCredentialsProvider, Secret, none};

/// Settings of a profile whose credentials come from somewhere that is not built in.
const ELSEWHERE: [&str; 5] =
    ["role_arn", "credential_process", "sso_session", "sso_start_url", "web_identity_token_file"];

impl AwsCredentialsProvider {
    /// The credentials of a profile; nothing when no file has it.
    pub(super) fn of_profile(&self, name: &str) -> Result<Option<AwsCredentials>, SaslError> {
        let mut profile = BTreeMap::new();
        for (variable, file, prefix) in [
            ("AWS_CONFIG_FILE", ".aws/config", "profile "),
            ("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials", ""),
        ] {
            let home = || self.variable("HOME").map(|home| format!("{home}/{file}"));
            let Some(path) = self.variable(variable).or_else(home) else { continue };
            let text = match (self.surroundings.read)(&path) {
                Ok(bytes) => String::from_utf8(bytes).map_err(|_| none(&path, "not text".to_owned()))?,
                // Both are optional, where nobody names them.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(error) => return Err(none(&path, error.to_string())),
            };
            profile.extend(section(&text, name, prefix));
        }
        let take = |key: &str| profile.get(key).filter(|value| !value.is_empty()).cloned();
        let (id, secret) = (take("aws_access_key_id"), take("aws_secret_access_key"));
        let (Some(access_key_id), Some(secret)) = (id, secret) else {
            let elsewhere = ELSEWHERE.iter().find(|key| profile.contains_key(**key));
            let why = match elsewhere {
                Some(key) => format!("its {key} is not built in; give its keys, or variables"),
                None if profile.contains_key("aws_access_key_id") => {
                    "it has no aws_secret_access_key".to_owned()
                }
                None => return Ok(None),
            };
            return Err(none(&format!("profile {name}"), why));
        };
        Ok(Some(AwsCredentials {
            access_key_id,
            secret_access_key: Secret::new(secret),
            session_token: take("aws_session_token").map(Secret::new),
            region: self.region().or_else(|| take("region")),
        }))
    }
}

/// The settings of one section, by their names in lower case. Sections of `config` have `profile ` before the name,
/// but for `default`. Lines that begin with a blank belong to the setting before and are of no use here.
pub(in super::super) fn section(text: &str, name: &str, prefix: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut within = false;
    for line in text.lines() {
        let blank = line.starts_with([' ', '\t']);
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(title) = line.strip_prefix('[') {
            let title = title.split(']').next().unwrap_or_default().trim();
            let own = title.strip_prefix(prefix.trim_end()).map(str::trim);
            within = own == Some(name) || (name == "default" && title == name);
        } else if let Some((key, value)) = line.split_once('=').filter(|_| within && !blank) {
            // A comment needs a blank before it: keys may have the sign.
            let value = value.split(" #").next().unwrap_or_default();
            let value = value.split(" ;").next().unwrap_or_default();
            found.insert(key.trim().to_ascii_lowercase(), value.trim().to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_are_told_apart() {
        let text = "# who\n[default]\naws_access_key_id = A\n\n[other]\n  aws_access_key_id=no\n\
            AWS_ACCESS_KEY_ID=B # mine\ns3 =\n  region = none\nregion=eu-west-1\n[profile third]\nregion=x\n";
        let of = |name: &str, prefix: &str, key: &str| section(text, name, prefix).get(key).cloned();
        assert_eq!(of("default", "", "aws_access_key_id").as_deref(), Some("A"));
        assert_eq!(of("other", "", "aws_access_key_id").as_deref(), Some("B"));
        assert_eq!(of("other", "", "region").as_deref(), Some("eu-west-1"));
        assert_eq!(of("third", "profile ", "region").as_deref(), Some("x"));
        assert_eq!(of("default", "profile ", "aws_access_key_id").as_deref(), Some("A"));
        assert_eq!(of("other", "profile ", "region"), None);
        assert_eq!(of("third", "", "region"), None);
    }
}
