//! The headers before requests and answers, and whole frames with them.

use bytes::Bytes;

use crate::ApiKey;
use crate::read::{DecodeError, Reader};
use crate::wire::{Message, Request, Version};
use crate::write::{EncodeError, Frame, Writer};

/// Headers never use compact lengths, not even the ones with tagged fields.
const AT: Version = Version { number: 0, flexible: false };

/// What stands before a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestHeader {
    /// The API.
    pub api_key: ApiKey,
    /// The version, which may be one that [`ApiKey::versions`] does not contain.
    pub api_version: i16,
    /// Chosen by the client; comes back in the answer.
    pub correlation_id: i32,
    /// The client's name for itself.
    pub client_id: Option<String>,
}

impl RequestHeader {
    /// Reads a request's header (version 1 or 2, by API and version).
    pub fn read(reader: &mut Reader) -> Result<Self, DecodeError> {
        let code = reader.int16()?;
        let api_version = reader.int16()?;
        let correlation_id = reader.int32()?;
        let api_key = ApiKey::from_code(code).ok_or(DecodeError::UnknownApiKey { api_key: code })?;
        let client_id = reader.string(AT)?;
        if api_key.request_header_is_flexible(api_version) {
            reader.tagged_fields(|_, _| Ok(()))?;
        }
        Ok(Self { api_key, api_version, correlation_id, client_id })
    }

    /// Writes the header.
    pub fn write(&self, writer: &mut Writer) {
        writer.int16(self.api_key.code());
        writer.int16(self.api_version);
        writer.int32(self.correlation_id);
        writer.string(self.client_id.as_deref(), AT);
        if self.api_key.request_header_is_flexible(self.api_version) {
            writer.tagged_fields(Vec::new());
        }
    }
}

/// A request as a frame.
pub fn encode_request<R: Request>(
    correlation_id: i32,
    client_id: Option<&str>,
    api_version: i16,
    request: &R,
) -> Result<Frame, EncodeError> {
    let mut writer = Writer::frame();
    let client_id = client_id.map(str::to_owned);
    RequestHeader { api_key: R::KEY, api_version, correlation_id, client_id }.write(&mut writer);
    request.encode(&mut writer, api_version);
    writer.finish()
}

/// An answer as a frame.
pub fn encode_response<M: Message>(
    correlation_id: i32,
    api_version: i16,
    response: &M,
) -> Result<Frame, EncodeError> {
    let mut writer = Writer::frame();
    writer.int32(correlation_id);
    if M::KEY.response_header_is_flexible(api_version) {
        writer.tagged_fields(Vec::new());
    }
    response.encode(&mut writer, api_version);
    writer.finish()
}

/// Reads an answer (a frame without its length field): its correlation id and itself.
pub fn decode_response<M: Message>(frame: Bytes, api_version: i16) -> Result<(i32, M), DecodeError> {
    let mut reader = Reader::new(frame);
    let correlation_id = reader.int32()?;
    if M::KEY.response_header_is_flexible(api_version) {
        reader.tagged_fields(|_, _| Ok(()))?;
    }
    Ok((correlation_id, M::decode(&mut reader, api_version)?))
}
