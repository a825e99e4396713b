//! Tests of the reader's parts that know nothing of OTLP: strings, numbers, bytes written as text.

use crate::json::read::binary::{push_base64, push_hex};
use crate::json::read::lexer::{Lexer, Quoted};
use crate::json::read::number::{Form, double, integer};

fn quoted(text: &str) -> Quoted<'_> {
    Quoted { raw: text.as_bytes(), escaped: text.contains('\\') }
}

/// A JSON string read in each of the two ways; they must agree with one another.
fn string(json: &str) -> Option<String> {
    let mut left = Lexer::new(json.as_bytes());
    let left = left.string("a string").ok().map(|quoted| quoted.unescaped().collect::<Vec<_>>());
    let mut lexer = Lexer::new(json.as_bytes());
    let mut out = Vec::new();
    let copied = lexer.expect(b'"', "a string").is_ok() && {
        lexer.copy_plain(&mut out);
        lexer.close_string() || lexer.unescape_rest(&mut out).is_ok()
    };
    assert_eq!(left, copied.then_some(out.clone()), "{json}");
    copied.then(|| String::from_utf8(out).expect("escapes make UTF-8"))
}

#[test]
fn strings_end_where_they_end_at_every_length() {
    for len in 0..70 {
        let plain: String =
            ('!'..='~').filter(|char| !matches!(char, '"' | '\\')).cycle().take(len).collect();
        assert_eq!(string(&format!(r#""{plain}""#)).as_deref(), Some(plain.as_str()));
        assert_eq!(string(&format!(r#""{plain}\n{plain}""#)), Some(format!("{plain}\n{plain}")));
        assert_eq!(string(&format!("\"{plain}\u{1f}{plain}\"")), None, "control characters are escaped");
        assert_eq!(
            string(&format!("\"{plain}é€😀\u{7f}{plain}\"")),
            Some(format!("{plain}é€😀\u{7f}{plain}"))
        );
        assert_eq!(string(&format!("\"{plain}")), None, "no end");
    }
}

#[test]
fn all_escapes() {
    assert_eq!(string(r#""\"\\\/\b\f\n\r\t""#).as_deref(), Some("\"\\/\u{8}\u{c}\n\r\t"));
    assert_eq!(string(r#""\u0000\u00e9\u20AC\ud83d\uDE00\uffff""#).as_deref(), Some("\0é€😀\u{ffff}"));
    for broken in [
        r#""\"#,
        r#""\""#,
        r#""\x""#,
        r#""\u""#,
        r#""\u12""#,
        r#""\u123g""#,
        r#""\u+123""#,
        r#""\U0041""#,
        r#""\'""#,
        r#""\ud800""#,
        r#""\ud800\n""#,
        r#""\ud800\u0041""#,
        r#""\udc00""#,
        r#""\ude00\ud83d""#,
        r#""\ud83d\ud83d""#,
        r#""\ud83d\ude0""#,
        r#""\ud83d"#,
    ] {
        assert_eq!(string(broken), None, "{broken}");
    }
}

/// The value both as unsigned and as signed, where it fits.
fn both(text: &str, form: Form) -> Option<(Option<u64>, Option<i64>)> {
    integer(text.as_bytes(), form).map(|value| (value.to_u64(), value.to_i64()))
}

#[test]
fn whole_numbers_in_any_notation() {
    for form in [Form::Bare, Form::Quoted] {
        for (text, value) in [
            ("0", 0),
            ("7", 7),
            ("10", 10),
            ("12345678", 12_345_678),
            ("123456789012345678", 123_456_789_012_345_678),
            ("10.0", 10),
            ("10.000", 10),
            ("1.5e1", 15),
            ("1.5E+1", 15),
            ("1e0", 1),
            ("1e-0", 1),
            ("150e-1", 15),
            ("1500.00e-2", 15),
            ("0.0015e4", 15),
            ("0.0", 0),
            ("0e999999999999999999999", 0),
            ("0.000e-5", 0),
            ("1.5e18", 1_500_000_000_000_000_000),
            ("9007199254740993", 9_007_199_254_740_993),
            ("0.00000000000000000000000000000000001e36", 10),
            ("10000000000000000000000000000e-28", 1),
            ("9223372036854775807", i64::MAX),
            ("9.223372036854775807e18", i64::MAX),
        ] {
            assert_eq!(both(text, form), Some((Some(value.cast_unsigned()), Some(value))), "{text}");
            let negative = format!("-{text}");
            assert_eq!(both(&negative, form), Some(((value == 0).then_some(0), Some(-value))), "{negative}");
        }
    }
}

#[test]
fn the_edges_of_64_bits() {
    let form = Form::Bare;
    assert_eq!(both("18446744073709551615", form), Some((Some(u64::MAX), None)));
    assert_eq!(both("1.8446744073709551615e19", form), Some((Some(u64::MAX), None)));
    assert_eq!(both("9223372036854775808", form), Some((Some(1 << 63), None)));
    assert_eq!(both("-9223372036854775808", form), Some((None, Some(i64::MIN))));
    assert_eq!(both("-9223372036854775809", form), Some((None, None)));
    for over in [
        "18446744073709551616",
        "18446744073709551620e0",
        "1e20",
        "2e19",
        "99999999999999999999",
        "1e999999999",
    ] {
        assert_eq!(both(over, form), None, "{over}");
    }
}

#[test]
fn numbers_that_are_none() {
    for text in [
        "",
        " 5",
        "5 ",
        "+5",
        "-",
        "--5",
        ".5",
        "5.",
        "5.e1",
        "1e",
        "1e+",
        "1e1.0",
        "0x10",
        "1_000",
        "１",
        "1,5",
        "NaN",
        "Infinity",
        "-Infinity",
        "inf",
        "nan",
        "true",
        "null",
        "1e1e1",
        "1..5",
        "5f",
        "1e-",
    ] {
        for form in [Form::Bare, Form::Quoted] {
            assert_eq!(both(text, form), None, "{text}");
        }
        assert_eq!(double(text.as_bytes(), Form::Bare), None, "{text}");
    }
    for text in ["1.5", "15e-1", "0.1", "1e-1", "1e-999999999", "1e-99999999999999999999999"] {
        assert_eq!(both(text, Form::Bare), None, "{text} is not whole");
    }
    for text in ["007", "-007", "00", "01e1", "00.5"] {
        assert_eq!(both(text, Form::Bare), None, "{text}");
        assert_eq!(double(text.as_bytes(), Form::Bare), None, "{text}");
    }
    assert_eq!(both("007", Form::Quoted), Some((Some(7), Some(7))));
    assert_eq!(both("-00012345678901234567", Form::Quoted), Some((None, Some(-12_345_678_901_234_567))));
}

#[test]
fn doubles_are_the_nearest() {
    for (text, value) in [
        ("1.5", 1.5),
        ("5", 5.0),
        ("1E3", 1000.0),
        ("-0", -0.0),
        ("0", 0.0),
        ("1e-400", 0.0),
        ("-1e-400", -0.0),
        ("1.7976931348623157e308", f64::MAX),
        ("5e-324", 5e-324),
        ("9007199254740993", 9_007_199_254_740_992.0),
        ("0.1", 0.1),
        ("123456789012345678901234567890", 1.234_567_890_123_456_8e29),
    ] {
        for form in [Form::Bare, Form::Quoted] {
            assert_eq!(double(text.as_bytes(), form).map(f64::to_bits), Some(value.to_bits()), "{text}");
        }
    }
    for text in ["1e400", "-1e400", "1.8e308", "1e999999999", "1e99999999999999999999999"] {
        assert_eq!(double(text.as_bytes(), Form::Bare), None, "{text}");
    }
    assert!(double(b"NaN", Form::Quoted).is_some_and(f64::is_nan));
    assert_eq!(double(b"Infinity", Form::Quoted), Some(f64::INFINITY));
    assert_eq!(double(b"-Infinity", Form::Quoted), Some(f64::NEG_INFINITY));
    for text in ["nan", "NAN", "-NaN", "Inf", "inf", "infinity", "+Infinity", ""] {
        assert_eq!(double(text.as_bytes(), Form::Quoted), None, "{text}");
    }
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let mut out = vec![7];
    push_hex(&quoted(text), &mut out).then(|| out.split_off(1))
}

fn base64(text: &str) -> Option<Vec<u8>> {
    let mut out = vec![7];
    let plain = push_base64(&quoted(text), &mut out).then(|| out.split_off(1));
    // The same with one character escaped goes another way.
    if let Some(first) = text.chars().next().filter(|_| !text.contains('\\')) {
        let escaped = format!("\\u{:04x}{}", u32::from(first), &text[first.len_utf8()..]);
        let mut out = vec![7];
        assert_eq!(push_base64(&quoted(&escaped), &mut out).then(|| out.split_off(1)), plain, "{text}");
    }
    plain
}

#[test]
fn hex_of_any_case_and_length() {
    assert_eq!(hex(""), Some(vec![]));
    assert_eq!(hex("00fFAb"), Some(vec![0, 0xff, 0xab]));
    assert_eq!(hex(r"0\u0030f\u0046"), Some(vec![0, 0xff]));
    for text in ["0", "000", "0x00", "0g", "g0", " 0", "é", "0\\u0067", "\\u0030"] {
        assert_eq!(hex(text), None, "{text}");
    }
}

#[test]
fn base64_in_four_alphabets() {
    let bytes = [0xfb, 0xff, 0xbf, 0x01];
    for text in ["+/+/AQ==", "+/+/AQ", "-_-_AQ==", "-_-_AQ"] {
        assert_eq!(base64(text).as_deref(), Some(&bytes[..]), "{text}");
    }
    assert_eq!(base64(r"+\/+\/AQ==").as_deref(), Some(&bytes[..]));
    for len in 0..40_u8 {
        let bytes: Vec<u8> = (0..len).map(|byte| byte.wrapping_mul(151)).collect();
        for form in [
            base64_simd::STANDARD,
            base64_simd::STANDARD_NO_PAD,
            base64_simd::URL_SAFE,
            base64_simd::URL_SAFE_NO_PAD,
        ] {
            assert_eq!(base64(&form.encode_to_string(&bytes)).as_ref(), Some(&bytes));
        }
    }
    for text in [
        "A", "AAAAA", "AA=", "AA===", "A===", "=", "AAAA=", "AA==AA==", "A=AA", "AA AA", "AA\n", "+_AA", "é",
        "AA=A",
    ] {
        assert_eq!(base64(text), None, "{text}");
    }
    assert_eq!(base64("AB==").as_deref(), Some(&[0][..]), "bits left over are dropped, as everywhere");
}
