//! `response.http.headers.config`: headers that every answer gets.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderName, HeaderValue};

/// Rules in the order in which they were written.
#[derive(Debug, Default)]
pub(crate) struct Rules(Vec<Rule>);

#[derive(Debug)]
struct Rule {
    name: HeaderName,
    /// Beside what is there, not in its place.
    add: bool,
    value: Value,
}

#[derive(Debug)]
enum Value {
    Text(HeaderValue),
    /// A date, this long from now.
    Date(Duration),
}

impl Rules {
    /// From `[action] [header name]:[header value]`, separated by commas.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        split(text)?.iter().map(|rule| Rule::parse(rule)).collect::<Result<_, _>>().map(Self)
    }

    pub(crate) fn apply(&self, headers: &mut HeaderMap) {
        for Rule { name, add, value } in &self.0 {
            let value = match value {
                Value::Text(text) => text.clone(),
                Value::Date(from_now) => {
                    let date = httpdate::fmt_http_date(SystemTime::now() + *from_now);
                    let Ok(date) = HeaderValue::try_from(date) else { continue };
                    date
                }
            };
            if *add {
                headers.append(name, value);
            } else {
                headers.insert(name, value);
            }
        }
    }
}

/// The rules of a text: commas within double quotes separate nothing.
fn split(text: &str) -> Result<Vec<String>, String> {
    let mut rules = vec![String::new()];
    let mut quoted = false;
    for c in text.chars() {
        match (c, rules.last_mut()) {
            ('"', _) => quoted = !quoted,
            (',', _) if !quoted => rules.push(String::new()),
            (c, Some(rule)) => rule.push(c),
            (_, None) => {}
        }
    }
    if quoted {
        return Err("has a double quote without its other".to_owned());
    }
    Ok(rules.iter().map(|rule| rule.trim().to_owned()).filter(|rule| !rule.is_empty()).collect())
}

impl Rule {
    fn parse(rule: &str) -> Result<Self, String> {
        let wrong = |why: &str| format!("{rule:?} {why}");
        let (action, rest) = rule.split_once(' ').ok_or_else(|| wrong("is not: ACTION NAME: VALUE"))?;
        let (name, value) =
            rest.split_once(':').ok_or_else(|| wrong("has no colon behind the header's name"))?;
        let name = HeaderName::try_from(name.trim()).map_err(|_| wrong("names no header"))?;
        let value = value.trim();
        let (add, date) = match action {
            "set" => (false, false),
            "add" => (true, false),
            "setDate" => (false, true),
            "addDate" => (true, true),
            _ => return Err(wrong("has another action than set, add, setDate and addDate")),
        };
        let value = if date {
            let millis = value.parse::<u32>().map_err(|_| wrong("has no number of milliseconds"))?;
            Value::Date(Duration::from_millis(millis.into()))
        } else {
            Value::Text(
                HeaderValue::try_from(value).map_err(|_| wrong("has a value that no header can have"))?,
            )
        };
        Ok(Self { name, add, value })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_told_apart_by_commas_outside_of_quotes() {
        let text =
            r#"add Cache-Control: no-cache, "add Cache-Control: no-store, must-revalidate", set X-A: b:c,"#;
        let mut headers = HeaderMap::new();
        headers.insert("x-a", HeaderValue::from_static("before"));
        Rules::parse(text).unwrap().apply(&mut headers);
        let cache: Vec<_> = headers.get_all("cache-control").iter().collect();
        assert_eq!(cache, ["no-cache", "no-store, must-revalidate"]);
        assert_eq!(headers.get("x-a").unwrap(), "b:c");
    }

    #[test]
    fn dates_are_from_now() {
        let mut headers = HeaderMap::new();
        Rules::parse("setDate Expires: 86400000").unwrap().apply(&mut headers);
        let date = httpdate::parse_http_date(headers.get("expires").unwrap().to_str().unwrap()).unwrap();
        let ahead = date.duration_since(SystemTime::now()).unwrap();
        assert!((86_390..=86_400).contains(&ahead.as_secs()), "{ahead:?}");
    }

    #[test]
    fn mistakes_are_named() {
        for (text, why) in [
            ("set", "is not"),
            ("set X", "has no colon"),
            ("set X Y: z", "names no header"),
            ("put X: y", "another action"),
            ("setDate X: soon", "milliseconds"),
            ("set X: a\u{7}", "no header can have"),
            ("\"set X: a", "double quote"),
        ] {
            assert!(Rules::parse(text).unwrap_err().contains(why), "{text}");
        }
    }
}
