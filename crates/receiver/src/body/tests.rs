//! Bodies are charged as they are held, and bounded by what was said of them.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;

use pipeline::Budget;

use super::*;

const PIECE: usize = 64 << 10;

/// Gives its pieces, then pends for ever or ends.
struct Pieces {
    left: VecDeque<Bytes>,
    ends: bool,
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.left.pop_front() {
            Some(piece) => Poll::Ready(Some(Ok(Frame::data(piece)))),
            None if self.ends => Poll::Ready(None),
            None => Poll::Pending,
        }
    }
}

fn pieces(sizes: &[usize], ends: bool) -> Pieces {
    Pieces { left: sizes.iter().map(|size| Bytes::from(vec![7; *size])).collect(), ends }
}

fn reader(budget: &Arc<Budget>, body: Pieces) -> Reader<Pieces> {
    let bounds = Bounds {
        bytes_max: 4 << 20,
        piece_bytes_max: PIECE,
        pause_max: Duration::from_secs(1),
        deadline: Deadline::after(Duration::from_secs(5), None),
    };
    Reader::new(body, budget.open(), bounds)
}

async fn read(budget: &Arc<Budget>, sizes: &[usize], length: Length) -> Result<(Bytes, Charge), Answer> {
    let mut reader = reader(budget, pieces(sizes, true));
    let first = reader.piece().await?.unwrap_or_default();
    let body = reader.rest(first, length).await?;
    Ok((body, reader.into_charge()))
}

#[tokio::test(start_paused = true)]
async fn the_charge_is_what_is_held() {
    let budget = Budget::new(64 << 20, 0);
    let sizes: [&[usize]; 6] = [&[], &[1], &[40_000], &[10, 20, 30_000, 5], &[65_536; 20], &[16_384; 200]];
    for sizes in sizes {
        let total: usize = sizes.iter().sum();
        for length in [Length::Unknown, Length::Declared(total), Length::Exactly(total)] {
            let (body, charge) = read(&budget, sizes, length).await.unwrap();
            assert_eq!(body.len(), total, "{length:?}");
            assert!(charge.bytes() >= total && charge.bytes() <= total + total / 4, "{length:?} of {total}");
            drop((body, charge));
            assert_eq!(budget.used_bytes(), 0);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn more_or_less_than_said() {
    let budget = Budget::new(64 << 20, 0);
    for (sizes, length) in [
        (&[10, 1][..], Length::Exactly(10)),
        (&[11], Length::Exactly(10)),
        (&[9], Length::Exactly(10)),
        (&[50_000, 1], Length::Exactly(50_000)),
    ] {
        let refused = read(&budget, sizes, length).await.unwrap_err();
        assert_eq!(refused.label(), Some("malformed"), "{sizes:?}");
    }
    for sizes in [&[65_536; 65][..], &[4 << 20, 1]] {
        let refused = read(&budget, sizes, Length::Unknown).await.unwrap_err();
        assert_eq!(refused, Answer::too_large(4 << 20));
    }
    assert_eq!(budget.used_bytes(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_large_claim_holds_no_more_than_twice_what_came() {
    let budget = Budget::new(64 << 20, 0);
    let mut reader = reader(&budget, pieces(&[1000; 50], false));
    let first = reader.piece().await.unwrap().unwrap();
    let stopped = reader.rest(first, Length::Exactly(4 << 20)).await.unwrap_err();
    assert_eq!(stopped, Answer::SlowBody);
    assert!(budget.used_bytes() <= 101 << 10, "{} bytes", budget.used_bytes());
    drop(reader);
    assert_eq!(budget.used_bytes(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_sender_that_pauses_holds_no_room() {
    let budget = Budget::new(1 << 20, 0);
    let mut reader = reader(&budget, pieces(&[], false));
    assert_eq!(reader.piece().await.unwrap_err(), Answer::SlowBody);
    assert_eq!(budget.used_bytes(), 0);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_taken_while_there_is_no_room() {
    let budget = Budget::new(1 << 20, 0);
    let mut others = budget.open();
    assert!(others.try_grow((1 << 20) - PIECE + 1));
    let mut waiting = reader(&budget, pieces(&[100], true));
    assert_eq!(waiting.piece().await.unwrap_err(), Answer::retry(RetryReason::Memory));
    assert_eq!(waiting.body.left.len(), 1, "the piece is where it was");
    drop(others);
    let mut reader = reader(&budget, pieces(&[100], true));
    assert_eq!(reader.piece().await.unwrap().unwrap().len(), 100);
}
