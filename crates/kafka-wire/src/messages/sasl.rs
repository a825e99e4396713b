//! SaslHandshake and SaslAuthenticate: who logs in, and the mechanism's own messages (KIP-43, KIP-152).

use bytes::Bytes;

use crate::ErrorCode;

api!(SaslHandshake: SaslHandshakeRequest => SaslHandshakeResponse, versions 0..=1, flexible from 2);
api!(SaslAuthenticate: SaslAuthenticateRequest => SaslAuthenticateResponse, versions 0..=2, flexible from 2);

wire_structs! {
    /// The mechanism that the client wants. After version 0 raw messages of the mechanism follow, after version 1
    /// SaslAuthenticate.
    pub struct SaslHandshakeRequest {
        mechanism: String => 0..;
    }

    /// Whether the broker has it, and which it has.
    pub struct SaslHandshakeResponse {
        error_code: ErrorCode => 0..;
        mechanisms: Vec<String> => 0..;
    }

    /// A message of the mechanism from the client.
    pub struct SaslAuthenticateRequest {
        auth_bytes: Bytes => 0..;
    }

    /// The broker's message of the mechanism.
    pub struct SaslAuthenticateResponse {
        error_code: ErrorCode => 0..;
        error_message: Option<String> => 0..;
        auth_bytes: Bytes => 0..;
        /// After this time the broker wants a new login on the same connection (KIP-368); 0: never.
        session_lifetime_ms: i64 => 1..;
    }
}
