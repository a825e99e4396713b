//! A program that is asked over its standard input and answers in the same order over its standard output.

use std::io::{BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::sync_channel;
use std::thread;

use crate::Signal;

/// Questions on their way: bounds the memory, and keeps both sides busy.
const IN_FLIGHT: usize = 200;

/// What is asked about a request.
pub(super) struct Question {
    /// Before the length of what is sent.
    pub(super) head: Vec<u8>,
    /// What is sent.
    pub(super) sent: Vec<u8>,
    pub(super) signal: Signal,
    /// The request on the wire.
    pub(super) wire: Vec<u8>,
}

/// Asks `program` all, and hands each answer to `check`: what was asked for, or why it was refused.
pub(super) fn ask(
    mut program: Command,
    questions: impl Iterator<Item = Question> + Send,
    mut check: impl FnMut(&Question, Result<Vec<u8>, String>),
) {
    let child = program
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program:?}: {error}; `cargo xtask oracles` fetches it"));
    let mut child = Ended(child);
    let mut input = child.0.stdin.take().unwrap();
    let mut output = BufReader::with_capacity(1 << 16, child.0.stdout.take().unwrap());
    // Ends, and with it the writing thread, when `check` panics.
    thread::scope(move |scope| {
        let (asked, all) = sync_channel::<Question>(IN_FLIGHT);
        scope.spawn(move || {
            for question in questions {
                let len = u32::try_from(question.sent.len()).unwrap();
                let frame = [&question.head[..], &len.to_be_bytes(), &question.sent].concat();
                // When it is gone, the reading side says so.
                if input.write_all(&frame).is_err() || asked.send(question).is_err() {
                    return;
                }
            }
        });
        for question in all {
            let answer = answer(&mut output).unwrap_or_else(|error| panic!("{program:?} ended: {error}"));
            check(&question, answer);
        }
        let status = child.0.wait().unwrap();
        assert!(status.success(), "{program:?}: {status}");
    });
}

/// A process that does not outlive the test.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn answer(output: &mut impl Read) -> std::io::Result<Result<Vec<u8>, String>> {
    let mut head = [0; 5];
    output.read_exact(&mut head)?;
    let [status, len @ ..] = head;
    let mut answer = vec![0; usize::try_from(u32::from_be_bytes(len)).unwrap()];
    output.read_exact(&mut answer)?;
    Ok(if status == 0 { Ok(answer) } else { Err(String::from_utf8_lossy(&answer).into_owned()) })
}
