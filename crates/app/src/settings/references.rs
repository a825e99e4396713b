//! What references bring in is not repeated in what people read: problems show the references as they were written.

use config::{Problem, Reason};

use super::origin::{Given, Pairs};

/// Shorter words say too little to be secrets, and stand in many sentences.
const SECRET_CHARS_MIN: usize = 4;

/// Puts references in place of their values. `pairs` are what was judged, the strongest first. Done in one place, since
/// whoever finds a problem knows values alone.
pub(super) fn hide(problems: &mut [Problem], pairs: &[&Pairs]) {
    for problem in problems {
        let own = pairs.iter().find_map(|pairs| pairs.get(&problem.key));
        if let Some((given, written)) = own.and_then(|given| Some((given, given.reference.as_ref()?))) {
            match &mut problem.reason {
                Reason::Invalid { shown, why } => {
                    *shown = shown.take().map(|_| written.clone());
                    hide_parts(why, given);
                }
                Reason::Other(what) => hide_parts(what, given),
                Reason::Unknown { .. } => {}
            }
        }
        // What concerns several keys may tell the values of all of them.
        if let Reason::Other(what) = &mut problem.reason {
            for given in pairs.iter().flat_map(|pairs| pairs.values()) {
                hide_whole(what, given);
            }
        }
    }
}

/// Returns whether it was there.
fn hide_whole(text: &mut String, given: &Given) -> bool {
    given.reference.as_ref().is_some_and(|written| replace(text, given.value.trim(), written))
}

/// A value that is a list or has several parts is told in parts.
fn hide_parts(text: &mut String, given: &Given) {
    if hide_whole(text, given) {
        return;
    }
    let ends = |c: char| c.is_whitespace() || [',', ';', '=', ':', '"', '\''].contains(&c);
    for part in given.value.split(ends) {
        replace(text, part, "[hidden]");
    }
}

/// Replaces a word wherever it stands by itself, in any case. Returns whether it did.
fn replace(text: &mut String, word: &str, instead: &str) -> bool {
    if word.chars().count() < SECRET_CHARS_MIN {
        return false;
    }
    // ASCII alone, so that offsets are those of the text.
    let (lower, word) = (text.to_ascii_lowercase(), word.to_ascii_lowercase());
    let is_edge = |before: Option<char>, after: Option<char>| {
        !(before.is_some_and(char::is_alphanumeric) && after.is_some_and(char::is_alphanumeric))
    };
    let mut replaced = String::new();
    let mut copied = 0;
    for (start, _) in lower.match_indices(&word) {
        let end = start + word.len();
        if is_edge(lower[..start].chars().next_back(), word.chars().next())
            && is_edge(word.chars().next_back(), lower[end..].chars().next())
        {
            replaced.push_str(&text[copied..start]);
            replaced.push_str(instead);
            copied = end;
        }
    }
    if copied == 0 {
        return false;
    }
    replaced.push_str(&text[copied..]);
    *text = replaced;
    true
}

#[cfg(test)]
mod tests {
    use super::super::origin::Origin;
    use super::*;

    fn hidden(mut problem: Problem) -> String {
        let resolved = |written: &str, value: &str| Given::resolved(written, value.into(), Origin::Default);
        let pairs = Pairs::from([
            ("port".to_owned(), resolved("${file:f:password}", "hunter2")),
            ("list".to_owned(), resolved("a,${env:B}", "a,Secret=other words")),
            ("plain".to_owned(), Given::new("hunter2", Origin::Default)),
            ("flag".to_owned(), resolved("${env:F}", "yes")),
        ]);
        let workers = Pairs::from([("plain".to_owned(), resolved("${env:P}", "of the worker"))]);
        hide(std::slice::from_mut(&mut problem), &[&pairs, &workers]);
        problem.to_string()
    }

    #[test]
    fn a_problem_shows_the_reference() {
        let number = "Not a number of type INT";
        assert_eq!(
            hidden(Problem::invalid("port", Some("hunter2"), number)),
            format!("Invalid value ${{file:f:password}} for configuration port: {number}")
        );
        // A part of the value, as of one entry of a list.
        assert_eq!(
            hidden(Problem::invalid("list", Some("Secret"), "no")),
            "Invalid value a,${env:B} for configuration list: no"
        );
        assert_eq!(
            hidden(Problem::invalid("port", None, number)),
            format!("Invalid value [hidden] for configuration port: {number}")
        );
        assert_eq!(
            hidden(Problem::invalid("plain", Some("hunter2"), "no")),
            "Invalid value hunter2 for configuration plain: no"
        );
    }

    #[test]
    fn sentences_that_quote_values_show_the_reference() {
        assert_eq!(
            hidden(Problem::other("other", "HUNTER2 is less than hunter2, not hunter22, xhunter2")),
            "other: ${file:f:password} is less than ${file:f:password}, not hunter22, xhunter2"
        );
        assert_eq!(
            hidden(Problem::other("list", "header:secret is no header, and words are not yes")),
            "list: header:[hidden] is no header, and [hidden] are not yes"
        );
    }
}
