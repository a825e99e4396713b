//! Packed bodies are read whole or refused.

use std::io::Write as _;
use std::time::Duration;

use flate2::{Compression, GzBuilder};
use pipeline::Budget;

use super::*;

const LIMIT: usize = 4 << 20;

async fn unpacked(packed: &[u8], coding: Coding) -> Result<Bytes, Answer> {
    let budget = Budget::new(64 << 20, 0);
    let mut charge = budget.open();
    assert!(charge.try_grow(packed.len()));
    let deadline = Deadline::after(Duration::from_secs(10), None);
    let packed = Bytes::copy_from_slice(packed);
    let inflaters = Inflaters::default();
    let body = unpack(packed, coding, &mut charge, LIMIT, deadline, &inflaters).await;
    if let Ok(body) = &body {
        let held = charge.bytes();
        assert!(held >= body.len() && held <= body.len() + body.len() / 4, "{held} for {}", body.len());
    }
    drop(charge);
    assert_eq!(budget.used_bytes(), 0);
    body
}

fn gzip(plain: &[u8], builder: GzBuilder) -> Vec<u8> {
    let mut encoder = builder.write(Vec::new(), Compression::new(6));
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn any_body_in_any_number_of_members() {
    let seed = fastrand::u64(..);
    let mut random = fastrand::Rng::with_seed(seed);
    for round in 0..30 {
        let mut packed = Vec::new();
        let mut plain = Vec::new();
        for _ in 0..random.usize(1..5) {
            let most = if random.bool() { 100 } else { 800_000 };
            let (length, spread) = (random.usize(..most), random.u8(1..));
            let part: Vec<u8> = std::iter::repeat_with(|| random.u8(..spread)).take(length).collect();
            packed.extend(gzip(&part, GzBuilder::new()));
            plain.extend(part);
        }
        assert!(unpacked(&packed, Coding::Gzip).await.unwrap() == plain, "seed {seed} round {round}");
    }
}

#[tokio::test]
async fn every_part_of_a_gzip_head() {
    let builder = GzBuilder::new().extra(vec![1; 300]).filename("name").comment("comment").mtime(1);
    let packed = gzip(b"body", builder);
    assert_eq!(unpacked(&packed, Coding::Gzip).await.unwrap(), "body");
    // With a checksum of the head (RFC 1952, FHCRC).
    let plain = gzip(b"body", GzBuilder::new());
    let mut head = plain[..10].to_vec();
    head[3] = 2;
    let mut crc = Crc::new();
    crc.update(&head);
    let with = |sum: u32| [&head[..], &sum.to_le_bytes()[..2], &plain[10..]].concat();
    assert_eq!(unpacked(&with(crc.sum()), Coding::Gzip).await.unwrap(), "body");
    assert!(unpacked(&with(crc.sum() ^ 1), Coding::Gzip).await.is_err());
}

#[tokio::test]
async fn what_is_cut_short_or_added_to_is_refused() {
    let packed = gzip(b"some telemetry, some telemetry", GzBuilder::new().filename("name"));
    for end in 0..packed.len() {
        let refused = unpacked(&packed[..end], Coding::Gzip).await.unwrap_err();
        assert_eq!(refused.label(), Some("malformed"), "cut at {end}");
    }
    for more in [&b"x"[..], &[0], &packed[..5]] {
        assert!(unpacked(&[&packed[..], more].concat(), Coding::Gzip).await.is_err());
    }
    for at in packed.len() - 8..packed.len() {
        let mut wrong = packed.clone();
        wrong[at] ^= 0x10;
        assert!(unpacked(&wrong, Coding::Gzip).await.is_err(), "byte {at} changed");
    }
    // Reserved flags, and another method.
    for (at, bits) in [(0, 1), (2, 1), (3, 0x80), (3, 0x20)] {
        let mut wrong = packed.clone();
        wrong[at] ^= bits;
        assert!(unpacked(&wrong, Coding::Gzip).await.is_err(), "byte {at} changed");
    }
}

#[tokio::test]
async fn the_limit_is_exact() {
    for (length, fits) in [(LIMIT, true), (LIMIT + 1, false), (100 << 20, false)] {
        let body = unpacked(&gzip(&vec![0; length], GzBuilder::new()), Coding::Gzip).await;
        match body {
            Ok(body) => assert!(fits && body.len() == length),
            Err(refused) => assert!(!fits && refused == Answer::too_large(LIMIT), "{refused:?}"),
        }
    }
}

#[tokio::test]
async fn many_empty_members_are_one_empty_body() {
    let packed = gzip(b"", GzBuilder::new()).repeat(100_000);
    assert_eq!(unpacked(&packed, Coding::Gzip).await.unwrap(), "");
}

#[tokio::test]
async fn zlib() {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), Compression::new(6));
    encoder.write_all(&[7; 1_000_000]).unwrap();
    let packed = encoder.finish().unwrap();
    assert_eq!(unpacked(&packed, Coding::Zlib).await.unwrap().len(), 1_000_000);
    for end in 0..packed.len() {
        assert!(unpacked(&packed[..end], Coding::Zlib).await.is_err(), "cut at {end}");
    }
    assert!(unpacked(&[&packed[..], b"x"].concat(), Coding::Zlib).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn no_memory_in_time_is_retryable() {
    let budget = Budget::new(1 << 20, 0);
    let mut charge = budget.open();
    let packed = Bytes::from(gzip(&vec![0; 3 << 20], GzBuilder::new()));
    assert!(charge.try_grow(packed.len()));
    let deadline = Deadline::after(Duration::from_secs(1), None);
    let inflaters = Inflaters::default();
    let refused = unpack(packed, Coding::Gzip, &mut charge, LIMIT, deadline, &inflaters).await.unwrap_err();
    assert_eq!(refused, Answer::retry(RetryReason::Memory));
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_memory_holds_no_decompressor() {
    let budget = Budget::new(INFLATER_BYTES + (1 << 10), 0);
    let packed = Bytes::from(gzip(b"body", GzBuilder::new()));
    let inflaters = Inflaters::default();
    let deadline = Deadline::after(Duration::from_secs(1), None);
    let mut others = budget.open();
    assert!(others.try_grow(2 << 10));
    let mut charge = budget.open();
    let refused =
        unpack(packed.clone(), Coding::Gzip, &mut charge, LIMIT, deadline, &inflaters).await.unwrap_err();
    assert_eq!(refused, Answer::retry(RetryReason::Memory));
    assert!(inflaters.0.borrow().is_empty(), "none was made");
    drop(others);
    let deadline = Deadline::after(Duration::from_secs(1), None);
    let body = unpack(packed, Coding::Gzip, &mut charge, LIMIT, deadline, &inflaters).await.unwrap();
    assert_eq!((body.as_ref(), charge.bytes()), (&b"body"[..], 4));
}
