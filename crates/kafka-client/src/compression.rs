//! Hop 7: record batches made smaller for the way, and read again.
//!
//! What is written, Java's clients read, and the other way round: gzip members, the blocks of `snappy-java`, LZ4
//! frames of independent blocks, zstd frames.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

mod blocks;
mod gzip;
mod lz4;
mod snappy;
mod zstd;

/// How the records of a batch are compressed; `compression.type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Codec {
    /// Not at all.
    #[default]
    None,
    /// RFC 1952.
    Gzip,
    /// In the framing of the Java library `snappy-java`.
    Snappy,
    /// The frame format of LZ4.
    Lz4,
    /// RFC 8878.
    Zstd,
}

impl Codec {
    /// All codecs, by ascending id.
    pub const ALL: [Self; 5] = [Self::None, Self::Gzip, Self::Snappy, Self::Lz4, Self::Zstd];

    /// The codec's number in a batch's attributes.
    pub fn id(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Gzip => 1,
            Self::Snappy => 2,
            Self::Lz4 => 3,
            Self::Zstd => 4,
        }
    }

    /// The codec with this number.
    pub fn from_id(id: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|codec| codec.id() == id)
    }

    /// The name in `compression.type`.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Snappy => "snappy",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }

    /// The levels that make a difference. `None`: the codec has one way only. That of lz4 is the one that Java's
    /// clients take by default.
    pub fn levels(self) -> Option<RangeInclusive<i32>> {
        match self {
            Self::None | Self::Snappy | Self::Lz4 => None,
            Self::Gzip => Some(gzip::LEVELS),
            Self::Zstd => Some(zstd::levels()),
        }
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why text is not a codec.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not one of none, gzip, snappy, lz4 and zstd")]
pub struct NotACodec(String);

impl FromStr for Codec {
    type Err = NotACodec;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = |codec: &Self| codec.name() == text;
        Self::ALL.into_iter().find(named).ok_or_else(|| NotACodec(text.to_owned()))
    }
}

/// A codec and how hard it tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Compression {
    /// The codec.
    pub codec: Codec,
    /// `compression.gzip.level`, `compression.zstd.level`, clamped to [`Codec::levels`]; `None`: the codec's default.
    pub level: Option<i32>,
}

/// Why records could not be compressed: the library's words. Only memory is missing where all is well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{codec} cannot compress: {why}")]
pub struct CompressError {
    /// The codec.
    pub codec: Codec,
    /// What it says.
    pub why: &'static str,
}

/// Compresses one batch after the other with the same context and buffers: a new context costs zstd more than a
/// small batch does.
pub struct Compressor {
    codec: Codec,
    encoder: Encoder,
}

enum Encoder {
    None,
    Gzip(gzip::Encoder),
    Snappy(snappy::Encoder),
    Lz4(lz4::Encoder),
    Zstd(zstd::Encoder),
}

impl Compressor {
    /// With nothing compressed yet.
    #[must_use]
    pub fn new(compression: Compression) -> Self {
        let Compression { codec, level } = compression;
        let clamped = |levels: RangeInclusive<i32>, default| {
            level.map_or(default, |level| level.clamp(*levels.start(), *levels.end()))
        };
        let encoder = match codec {
            Codec::None => Encoder::None,
            // -1 is zlib's way to say the default.
            Codec::Gzip if level == Some(-1) => Encoder::Gzip(gzip::Encoder::new(gzip::LEVEL)),
            Codec::Gzip => Encoder::Gzip(gzip::Encoder::new(clamped(gzip::LEVELS, gzip::LEVEL))),
            Codec::Snappy => Encoder::Snappy(snappy::Encoder::new()),
            Codec::Lz4 => Encoder::Lz4(lz4::Encoder::new()),
            Codec::Zstd => Encoder::Zstd(zstd::Encoder::new(clamped(zstd::levels(), zstd::LEVEL))),
        };
        Self { codec, encoder }
    }

    /// The codec.
    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// Appends to `out` what the pieces, one after the other, are compressed. After an error `out` has to be cut back
    /// by the caller; the next batch can be compressed as if nothing had been.
    pub fn compress<'a>(
        &mut self,
        pieces: impl Iterator<Item = &'a [u8]> + Clone,
        out: &mut Vec<u8>,
    ) -> Result<(), CompressError> {
        let compressed = match &mut self.encoder {
            Encoder::None => {
                pieces.for_each(|piece| out.extend_from_slice(piece));
                Ok(())
            }
            Encoder::Gzip(encoder) => encoder.compress(pieces, out),
            Encoder::Snappy(encoder) => encoder.compress(pieces, out),
            Encoder::Lz4(encoder) => encoder.compress(pieces, out),
            Encoder::Zstd(encoder) => encoder.compress(pieces, out),
        };
        compressed.map_err(|why| CompressError { codec: self.codec, why })
    }
}

impl fmt::Debug for Compressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compressor").field("codec", &self.codec).finish_non_exhaustive()
    }
}

/// Why bytes could not be decompressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecompressError {
    /// A number that stands for no codec.
    #[error("unknown codec {codec}")]
    UnknownCodec {
        /// As it stands in the batch's attributes.
        codec: u8,
    },
    /// More comes out than is taken.
    #[error("decompresses to more than {bytes_max} bytes")]
    TooLarge {
        /// The limit.
        bytes_max: usize,
    },
    /// Not what the codec writes, or cut short.
    #[error("malformed {codec}: {why}")]
    Malformed {
        /// The codec.
        codec: Codec,
        /// What is wrong.
        why: &'static str,
    },
}

/// What a codec found wrong.
enum Fault {
    TooLarge,
    Malformed(&'static str),
}

const CUT: Fault = Fault::Malformed("cut short");

/// Decompresses the records of a batch. No buffer of the output's is larger than `bytes_max` allows, whatever the
/// bytes announce.
pub fn decompress(codec: u8, bytes: &[u8], bytes_max: usize) -> Result<Vec<u8>, DecompressError> {
    let codec = Codec::from_id(codec).ok_or(DecompressError::UnknownCodec { codec })?;
    let decompressed = match codec {
        Codec::None if bytes.len() > bytes_max => Err(Fault::TooLarge),
        Codec::None => Ok(bytes.to_vec()),
        _ if bytes.is_empty() => Err(CUT),
        Codec::Gzip => gzip::decompress(bytes, bytes_max),
        Codec::Snappy => snappy::decompress(bytes, bytes_max),
        Codec::Lz4 => lz4::decompress(bytes, bytes_max),
        Codec::Zstd => zstd::decompress(bytes, bytes_max),
    };
    decompressed.map_err(|fault| match fault {
        Fault::TooLarge => DecompressError::TooLarge { bytes_max },
        Fault::Malformed(why) => DecompressError::Malformed { codec, why },
    })
}

/// Lengthens `out` with zeros up to `end`, doubling its room, but never beyond `bytes_max`.
fn grow(out: &mut Vec<u8>, end: usize, bytes_max: usize) {
    if end > out.capacity() {
        let room = out.capacity().saturating_mul(2).min(bytes_max).max(end);
        out.reserve_exact(room - out.len());
    }
    out.resize(end, 0);
}

#[cfg(test)]
mod tests;
