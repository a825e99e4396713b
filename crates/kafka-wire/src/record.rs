//! The records in a batch that is not compressed: a bounded iterator, and the writing of one record.

use bytes::BufMut;

use crate::batch::BatchError;
use crate::write::put_unsigned_varint;

/// A record, borrowed from its batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// Timestamp less the batch's `base_timestamp`, in milliseconds.
    pub timestamp_delta: i64,
    /// Offset less the batch's `base_offset`.
    pub offset_delta: i32,
    /// The key.
    pub key: Option<&'a [u8]>,
    /// The value.
    pub value: Option<&'a [u8]>,
    /// The headers.
    pub headers: Headers<'a>,
}

/// A record's headers, not yet taken apart. Going through them yields `None` for a malformed rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Headers<'a> {
    bytes: &'a [u8],
    count: i32,
}

/// A header's key, and its value or null.
pub type Header<'a> = (&'a str, Option<&'a [u8]>);

/// Goes through the records of a batch. Ends after the last one or the first error.
#[derive(Debug, Clone)]
pub struct Records<'a> {
    cursor: Cursor<'a>,
    index: i32,
    count: i32,
}

impl<'a> Records<'a> {
    /// Starts at the first of `count` records in `body`: what follows a batch's header, unpacked where it was
    /// compressed.
    pub fn new(body: &'a [u8], count: i32) -> Self {
        Self { cursor: Cursor(body), index: 0, count }
    }

    /// What has not been read yet.
    pub fn rest(&self) -> &'a [u8] {
        self.cursor.0
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<Record<'a>, BatchError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.index >= self.count {
            return None;
        }
        let index = self.index;
        let record = self.cursor.record().ok_or(BatchError::Record { index });
        self.index = if record.is_ok() { index.saturating_add(1) } else { self.count };
        Some(record)
    }
}

impl<'a> Headers<'a> {
    /// Headers made of these pairs, written into `buffer`.
    pub fn write(buffer: &'a mut Vec<u8>, headers: &[Header<'_>]) -> Self {
        buffer.clear();
        headers.iter().for_each(|header| put_header(buffer, header));
        Self { bytes: buffer, count: i32::try_from(headers.len()).unwrap_or(i32::MAX) }
    }

    /// Headers as they lie in a record: `count` of them in `bytes`.
    pub fn from_bytes(bytes: &'a [u8], count: i32) -> Self {
        Self { bytes, count }
    }

    /// The headers as they lie in a record.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// No headers.
    pub const NONE: Headers<'static> = Headers { bytes: &[], count: 0 };

    /// The number of headers.
    pub fn count(&self) -> i32 {
        self.count
    }

    /// Goes through the headers; ends early where they break the format.
    pub fn iter(&self) -> impl Iterator<Item = Header<'a>> + use<'a> {
        let mut cursor = Cursor(self.bytes);
        (0..self.count).map_while(move |_| cursor.header())
    }
}

/// Appends a record to a batch's body.
pub fn put_record(buffer: &mut impl BufMut, record: &Record<'_>) {
    put_record_head(buffer, record);
    buffer.put_slice(record.value.unwrap_or_default());
    put_record_tail(buffer, record);
}

/// Appends what stands before a record's value, for a value that is not copied.
pub fn put_record_head(buffer: &mut impl BufMut, record: &Record<'_>) {
    put_varint(buffer, i64::try_from(body_bytes(record)).unwrap_or(i64::MAX));
    buffer.put_i8(0); // attributes: none are defined
    put_varint(buffer, record.timestamp_delta);
    put_varint(buffer, i64::from(record.offset_delta));
    put_nullable(buffer, record.key);
    put_varint(buffer, wire_length(record.value));
}

/// Appends what stands behind a record's value.
pub fn put_record_tail(buffer: &mut impl BufMut, record: &Record<'_>) {
    put_varint(buffer, i64::from(record.headers.count));
    buffer.put_slice(record.headers.bytes);
}

/// Appends a header, as it lies in a record.
pub fn put_header(buffer: &mut impl BufMut, (key, value): &Header<'_>) {
    put_nullable(buffer, Some(key.as_bytes()));
    put_nullable(buffer, *value);
}

/// Bytes that [`put_header`] appends.
pub fn header_bytes((key, value): &Header<'_>) -> usize {
    nullable_bytes(Some(key.as_bytes())).saturating_add(nullable_bytes(*value))
}

/// Bytes that [`put_record`] appends.
pub fn record_bytes(record: &Record<'_>) -> usize {
    let body = body_bytes(record);
    varint_bytes(i64::try_from(body).unwrap_or(i64::MAX)).saturating_add(body)
}

fn body_bytes(record: &Record<'_>) -> usize {
    [
        1,
        varint_bytes(record.timestamp_delta),
        varint_bytes(i64::from(record.offset_delta)),
        nullable_bytes(record.key),
        nullable_bytes(record.value),
        varint_bytes(i64::from(record.headers.count)),
        record.headers.bytes.len(),
    ]
    .into_iter()
    .fold(0, usize::saturating_add)
}

fn put_nullable(buffer: &mut impl BufMut, bytes: Option<&[u8]>) {
    put_varint(buffer, wire_length(bytes));
    buffer.put_slice(bytes.unwrap_or_default());
}

fn nullable_bytes(bytes: Option<&[u8]>) -> usize {
    varint_bytes(wire_length(bytes)).saturating_add(bytes.map_or(0, <[u8]>::len))
}

fn wire_length(bytes: Option<&[u8]>) -> i64 {
    bytes.map_or(-1, |bytes| i64::try_from(bytes.len()).unwrap_or(i64::MAX))
}

/// VARLONG: zigzag, so that small negative numbers are short too. VARINT is the same for numbers that fit.
fn put_varint(buffer: &mut impl BufMut, value: i64) {
    put_unsigned_varint(buffer, zigzag(value));
}

fn varint_bytes(value: i64) -> usize {
    match 64 - zigzag(value).leading_zeros() {
        0 => 1,
        bits => usize::try_from(bits.div_ceil(7)).unwrap_or(10),
    }
}

fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

#[derive(Debug, Clone)]
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn record(&mut self) -> Option<Record<'a>> {
        let len = usize::try_from(self.varint()?).ok()?;
        let mut inner = Cursor(self.take(len)?);
        inner.take(1)?;
        Some(Record {
            timestamp_delta: inner.varlong()?,
            offset_delta: inner.varint()?,
            key: inner.nullable()?,
            value: inner.nullable()?,
            headers: inner.headers()?,
        })
    }

    fn headers(&mut self) -> Option<Headers<'a>> {
        let count = self.varint()?;
        // A header takes at least two bytes: no loop over a count that cannot be.
        let plausible = usize::try_from(count).is_ok_and(|count| count <= self.0.len() / 2);
        plausible.then_some(Headers { bytes: self.0, count })
    }

    fn header(&mut self) -> Option<Header<'a>> {
        let key = std::str::from_utf8(self.nullable()??).ok()?;
        Some((key, self.nullable()?))
    }

    /// The outer `None` is a broken format, the inner one null.
    #[expect(clippy::option_option, reason = "malformed and null are two things")]
    fn nullable(&mut self) -> Option<Option<&'a [u8]>> {
        match self.varint()? {
            -1 => Some(None),
            len => self.take(usize::try_from(len).ok()?).map(Some),
        }
    }

    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(bytes)
    }

    fn varint(&mut self) -> Option<i32> {
        i32::try_from(self.varlong()?).ok()
    }

    fn varlong(&mut self) -> Option<i64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = self.0.split_first()?;
            self.0 = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some((value >> 1).cast_signed() ^ -(value & 1).cast_signed());
            }
        }
        None
    }
}
