//! From checked values to what the REST API obeys; mistakes that one key alone does not show are found here.

use std::io;
use std::time::Duration;

use config::{Problem, Values};

use crate::access::{Cors, Users};
use crate::headers::Rules;
use crate::keys;

/// The one extension that is built in.
const BASIC_AUTH: &str = "org.apache.kafka.connect.rest.basic.auth.extension.BasicAuthSecurityRestExtension";

/// How the REST API serves. Holds passwords, which its `Debug` does not show.
#[derive(Debug)]
pub struct Options {
    pub(crate) cors: Option<Cors>,
    pub(crate) users: Option<Users>,
    pub(crate) headers: Rules,
    pub(crate) request_timeout: Duration,
    pub(crate) request_bytes_max: usize,
    pub(crate) connections_max: usize,
    pub(crate) header_timeout: Duration,
    pub(crate) write_timeout: Duration,
    pub(crate) topic_tracking: bool,
    pub(crate) topic_tracking_reset: bool,
}

impl Options {
    /// From the worker's values; `read` gives a file's contents.
    ///
    /// # Errors
    ///
    /// All mistakes at once.
    pub fn from_values(
        values: &Values,
        read: &dyn Fn(&str) -> io::Result<Vec<u8>>,
    ) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let text = |key| values.text(key).unwrap_or("");
        let cors = Cors::new(text(&keys::ALLOW_ORIGIN), text(&keys::ALLOW_METHODS));
        let users = users(values, read, &mut problems);
        let headers = Rules::parse(text(&keys::RESPONSE_HEADERS))
            .map_err(|why| problems.push(Problem::other(keys::RESPONSE_HEADERS.name, why)))
            .unwrap_or_default();
        let cors = cors
            .map_err(|why| problems.push(Problem::other(keys::ALLOW_METHODS.name, why)))
            .unwrap_or_default();
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Self {
            cors,
            users,
            headers,
            request_timeout: values.millis(&keys::REQUEST_TIMEOUT),
            request_bytes_max: values.size(&keys::REQUEST_MAX_BYTES),
            connections_max: values.size(&keys::CONNECTIONS_MAX),
            header_timeout: values.millis(&keys::HEADER_TIMEOUT),
            write_timeout: values.millis(&keys::WRITE_TIMEOUT),
            topic_tracking: values.bool(&keys::TOPIC_TRACKING),
            topic_tracking_reset: values.bool(&keys::TOPIC_TRACKING_RESET),
        })
    }
}

fn users(
    values: &Values,
    read: &dyn Fn(&str) -> io::Result<Vec<u8>>,
    problems: &mut Vec<Problem>,
) -> Option<Users> {
    let extensions = values.list(&keys::EXTENSIONS);
    for other in extensions.iter().filter(|class| *class != BASIC_AUTH) {
        let why = format!("no extension but {BASIC_AUTH} is built in");
        problems.push(Problem::invalid(keys::EXTENSIONS.name, Some(other), why));
    }
    let path = values.text(&keys::USERS);
    match (extensions.iter().any(|class| class == BASIC_AUTH), path) {
        (false, None) => None,
        (true, None) => {
            let why = format!("{BASIC_AUTH} needs the file of users that this key names");
            problems.push(Problem::other(keys::USERS.name, why));
            None
        }
        (false, Some(_)) => {
            let why = format!("has no effect without {} = {BASIC_AUTH}", keys::EXTENSIONS.name);
            problems.push(Problem::other(keys::USERS.name, why));
            None
        }
        (true, Some(path)) => match read(path).map_err(|error| error.to_string()).and_then(Users::parse) {
            Ok(users) => Some(users),
            Err(why) => {
                problems.push(Problem::invalid(keys::USERS.name, Some(path), why));
                None
            }
        },
    }
}
