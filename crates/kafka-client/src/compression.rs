//! Hop 7: record batches made smaller for the way, and read again.

/// How the records of a batch are compressed; `compression.type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
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

/// A codec and how hard it tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Compression {
    /// The codec.
    pub codec: Codec,
    /// `compression.gzip.level`, `compression.lz4.level`, `compression.zstd.level`; `None`: the codec's default.
    pub level: Option<i32>,
}
impl Codec { /// i
 pub fn id(self) -> u8 { 0 } }
/// s
#[derive(Debug)] pub struct Compressor(Compression);
impl Compressor { /// n
 pub fn new(c: Compression) -> Self { Self(c) } /// c
 pub fn codec(&self) -> Codec { self.0.codec } /// c
 pub fn compress<'a>(&mut self, _p: impl Iterator<Item=&'a [u8]>, _o: &mut Vec<u8>) -> Result<(), std::io::Error> { Ok(()) } }
/// d
pub fn decompress(_c: u8, _b: &[u8], _m: usize) -> Result<Vec<u8>, std::io::Error> { Ok(Vec::new()) }
