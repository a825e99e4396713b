//! Writes the tables as Rust, in the shape `rustfmt` gives them.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use super::model::{Enum, Field, Message, Schema};

/// The text of `generated.rs`.
pub(crate) fn rust(schema: &Schema, version: &str) -> Result<String> {
    let mut out = String::new();
    writeln!(
        out,
        "//! Tables of every message an OTLP export request can hold, written by `cargo xtask codegen`."
    )?;
    writeln!(out, "//!")?;
    writeln!(out, "//! From `io.opentelemetry.proto:opentelemetry-proto:{version}`. Do not edit.")?;
    writeln!(out)?;
    writeln!(out, "use super::EnumId as E;")?;
    writeln!(out, "use super::MessageId as M;")?;
    writeln!(out, "use super::{{Enum, Field, Kind, Message}};")?;
    message_ids(&mut out, schema)?;
    enum_ids(&mut out, schema)?;
    writeln!(out, "pub(super) static MESSAGES: [Message; {}] = [", schema.messages.len())?;
    for message in &schema.messages {
        writeln!(out, "Message::new(\"{}\", &{}),", message.name, message.id.to_uppercase())?;
    }
    writeln!(out, "];\n")?;
    writeln!(out, "pub(super) static ENUMS: [Enum; {}] = [", schema.enums.len())?;
    for found in &schema.enums {
        enumeration(&mut out, found)?;
    }
    writeln!(out, "];")?;
    for message in &schema.messages {
        fields(&mut out, message)?;
    }
    format(&out)
}

fn message_ids(out: &mut String, schema: &Schema) -> Result<()> {
    writeln!(out, "\n/// A message type, by its name inside its package.")?;
    writeln!(out, "#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]\n#[repr(u8)]\npub enum MessageId {{")?;
    for message in &schema.messages {
        writeln!(out, "/// `{}`\n{},", message.name, message.id)?;
    }
    writeln!(out, "}}\n")?;
    writeln!(
        out,
        "impl MessageId {{\n/// Every message, the four requests first.\npub const ALL: &'static [Self] = &["
    )?;
    for message in &schema.messages {
        writeln!(out, "Self::{},", message.id)?;
    }
    writeln!(out, "];\n}}\n")?;
    Ok(())
}

fn enum_ids(out: &mut String, schema: &Schema) -> Result<()> {
    writeln!(out, "/// An enum type.")?;
    writeln!(out, "#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]\n#[repr(u8)]\npub enum EnumId {{")?;
    for found in &schema.enums {
        writeln!(out, "/// `{}`\n{},", found.id, found.id)?;
    }
    writeln!(out, "}}\n")?;
    Ok(())
}

fn enumeration(out: &mut String, found: &Enum) -> Result<()> {
    writeln!(out, "Enum {{ name: \"{}\", names: &[", found.id)?;
    for name in &found.names {
        writeln!(out, "\"{name}\",")?;
    }
    writeln!(out, "] }},")?;
    Ok(())
}

fn fields(out: &mut String, message: &Message) -> Result<()> {
    writeln!(out, "\nstatic {}: [Field; {}] = [", message.id.to_uppercase(), message.fields.len())?;
    for field in &message.fields {
        let Field { number, name, json_name, kind, .. } = field;
        write!(out, "Field::new({number}, \"{name}\", \"{json_name}\", Kind::{kind})")?;
        if let Some(oneof) = &field.oneof {
            write!(out, ".oneof(\"{oneof}\")")?;
        }
        let marks = [
            (field.repeated, "repeated"),
            (field.optional, "optional"),
            (field.item, "item"),
            (field.element, "element"),
            (field.newer_than_v1, "newer_than_v1"),
        ];
        for (_, mark) in marks.iter().filter(|(on, _)| *on) {
            write!(out, ".{mark}()")?;
        }
        writeln!(out, ",")?;
    }
    writeln!(out, "];")?;
    Ok(())
}

fn format(text: &str) -> Result<String> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let mut rustfmt = Command::new("rustfmt")
        .args(["--edition", "2024", "--config-path", root])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("start rustfmt")?;
    rustfmt.stdin.take().context("rustfmt's input is piped")?.write_all(text.as_bytes())?;
    let done = rustfmt.wait_with_output()?;
    ensure!(done.status.success(), "rustfmt: {}", done.status);
    Ok(String::from_utf8(done.stdout)?)
}
