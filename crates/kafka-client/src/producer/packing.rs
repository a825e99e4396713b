//! Hop 7: large batches are compressed away from their worker, so that they do not hold up its other clients.

use std::cell::RefCell;
use std::rc::Rc;

use bytes::Bytes;

use super::signal::Signal;
use crate::compression::{Codec, Compression, Compressor};

/// What has become of a batch's records: how they lie in it.
#[derive(Debug)]
pub(super) struct Packed {
    pub(super) codec: Codec,
    pub(super) body: Vec<Bytes>,
}

/// Bytes from which on a batch is compressed away from the worker: what takes about half a millisecond. The quick
/// codecs stay: a whole batch takes them a millisecond or two, and the hand-overs cost memory.
pub(super) fn aside_bytes_min(codec: Codec) -> usize {
    match codec {
        Codec::None | Codec::Snappy | Codec::Lz4 => usize::MAX,
        Codec::Gzip => 32 << 10,
        Codec::Zstd => 128 << 10,
    }
}

/// Room for what a body is compressed to: most become far smaller.
fn room(body: &[Bytes]) -> Vec<u8> {
    let bytes: usize = body.iter().map(Bytes::len).sum();
    Vec::with_capacity(bytes / 4 + 1024)
}

/// The body as the codec makes it, or as it was where that is not larger.
pub(super) fn pack(body: Vec<Bytes>, compressor: &mut Compressor) -> Packed {
    if compressor.codec() == Codec::None {
        return Packed { codec: Codec::None, body };
    }
    let out = room(&body);
    pack_into(out, body, compressor)
}

fn pack_into(mut out: Vec<u8>, body: Vec<Bytes>, compressor: &mut Compressor) -> Packed {
    let bytes: usize = body.iter().map(Bytes::len).sum();
    match compressor.compress(body.iter().map(Bytes::as_ref), &mut out) {
        Ok(()) if out.len() < bytes => Packed { codec: compressor.codec(), body: vec![out.into()] },
        Ok(()) => Packed { codec: Codec::None, body },
        Err(error) => {
            tracing::warn!(%error, "a batch could not be compressed and is sent as it is");
            Packed { codec: Codec::None, body }
        }
    }
}

/// A connection's batches on the runtime's blocking pool, whose threads its builder bounds: one request at a time.
#[derive(Debug)]
pub(super) struct Packing {
    compression: Compression,
    /// Away with the batches while they are being compressed.
    compressor: Option<Compressor>,
    running: Option<Rc<RefCell<Option<Done>>>>,
}

#[derive(Debug)]
struct Done {
    compressor: Compressor,
    packed: Vec<Packed>,
}

impl Packing {
    pub(super) fn new(compression: Compression) -> Self {
        Self { compression, compressor: None, running: None }
    }

    pub(super) fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Begins with these bodies; sets `wake` when [`Self::finished`] has something.
    pub(super) fn start(&mut self, bodies: Vec<Vec<Bytes>>, wake: &Rc<Signal>) {
        let compression = self.compression;
        let mut compressor = self.compressor.take().unwrap_or_else(|| Compressor::new(compression));
        // For the case that the codec panics.
        let plain = bodies.clone();
        // Allocated where it is freed: an allocator keeps more of what other threads free.
        let jobs: Vec<_> = bodies.into_iter().map(|body| (room(&body), body)).collect();
        let work = tokio::task::spawn_blocking(move || {
            let packed = jobs.into_iter().map(|(out, body)| pack_into(out, body, &mut compressor)).collect();
            Done { compressor, packed }
        });
        let (place, wake) = (Rc::<RefCell<Option<Done>>>::default(), Rc::clone(wake));
        self.running = Some(Rc::clone(&place));
        tokio::task::spawn_local(async move {
            let done = work.await.unwrap_or_else(|error| {
                tracing::error!(%error, "a batch could not be compressed and is sent as it is");
                let packed = plain.into_iter().map(|body| Packed { codec: Codec::None, body }).collect();
                Done { compressor: Compressor::new(compression), packed }
            });
            *place.borrow_mut() = Some(done);
            wake.set();
        });
    }

    /// What was begun last, if it is done.
    pub(super) fn finished(&mut self) -> Option<Vec<Packed>> {
        let Done { compressor, packed } = self.running.as_ref()?.borrow_mut().take()?;
        self.running = None;
        self.compressor = Some(compressor);
        Some(packed)
    }
}
