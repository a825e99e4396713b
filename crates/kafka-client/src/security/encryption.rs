//! Hop 7: keys and stores under a password: PBES2 (RFC 8018), and PBES1 with its key derivation (RFC 7292).

use std::num::NonZeroU32;

use aes::{Aes128, Aes192, Aes256};
use cbc::Decryptor;
use cbc::cipher::generic_array::GenericArray;
use cbc::cipher::{BlockCipher, BlockDecryptMut, InnerIvInit, KeyInit};
use des::TdesEde3;
use rc2::Rc2;
use ring::{digest, pbkdf2};

use super::der::{Der, DerError, tag};

/// Rounds above this are refused, as Java refuses them: the time that they take is the file's to choose otherwise.
/// Fuzzing would spend its time in them.
pub(super) const ROUNDS_MAX: u32 = if cfg!(fuzzing) { 64 } else { 5_000_000 };

/// `pkcs-5 13`: PBES2.
const PBES2: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x05, 0x0D];
/// `pkcs-5 12`: PBKDF2.
const PBKDF2: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x05, 0x0C];
/// `pkcs-12PbeIds`; the last byte names the algorithm.
const PKCS12_PBE: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x0C, 0x01];
/// `digestAlgorithm` of RSA; the last byte names the HMAC.
const HMAC_WITH: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x02];
/// `aes` of NIST; the last byte names size and mode.
const AES: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01];
/// `des-ede3-cbc`.
const DES_EDE3_CBC: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x03, 0x07];

/// Why something under a password cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum DecryptError {
    #[error(transparent)]
    Der(#[from] DerError),
    #[error("the password is wrong, or the file is damaged")]
    Password,
    #[error(
        "it is encrypted with an algorithm that is not read here; AES with PBKDF2 is, which keytool and openssl write"
    )]
    Algorithm,
    #[error("it asks for more than 5000000 rounds of key derivation")]
    Rounds,
}

/// Decrypts what an `AlgorithmIdentifier` (the elements within it) says to be encrypted.
pub(super) fn decrypt(mut algorithm: Der<'_>, password: &str, data: &[u8]) -> Result<Vec<u8>, DecryptError> {
    let oid = algorithm.oid()?;
    if oid == PBES2 {
        return pbes2(algorithm.sequence()?, password, data);
    }
    let Some([which]) = oid.strip_prefix(PKCS12_PBE) else { return Err(DecryptError::Algorithm) };
    let mut parameters = algorithm.sequence()?;
    let salt = parameters.take(tag::OCTET_STRING)?;
    let rounds = rounds(parameters.number()?)?;
    let password = bmp_string(password);
    let derive = |purpose: Purpose, length: usize| {
        derive(&digest::SHA1_FOR_LEGACY_USE_ONLY, purpose, &password, salt, rounds, length)
    };
    let iv = derive(Purpose::Iv, 8);
    match which {
        3 => cbc(TdesEde3::new_from_slice(&derive(Purpose::Key, 24)), &iv, data),
        5 => cbc(Ok(Rc2::new_with_eff_key_len(&derive(Purpose::Key, 16), 128)), &iv, data),
        6 => cbc(Ok(Rc2::new_with_eff_key_len(&derive(Purpose::Key, 5), 40)), &iv, data),
        _ => Err(DecryptError::Algorithm),
    }
}

/// Decrypts an `EncryptedPrivateKeyInfo` (RFC 5958).
pub(super) fn decrypt_key(info: &[u8], password: &str) -> Result<Vec<u8>, DecryptError> {
    let mut info = Der::new(info).sequence()?;
    let algorithm = info.sequence()?;
    let key = decrypt(algorithm, password, info.take(tag::OCTET_STRING)?)?;
    // A wrong password gives valid padding once in 256 times.
    Der::new(&key).sequence().map_err(|_| DecryptError::Password)?;
    Ok(key)
}

fn pbes2(mut parameters: Der<'_>, password: &str, data: &[u8]) -> Result<Vec<u8>, DecryptError> {
    let mut derivation = parameters.sequence()?;
    let mut cipher = parameters.sequence()?;
    if derivation.oid()? != PBKDF2 {
        return Err(DecryptError::Algorithm);
    }
    let mut derivation = derivation.sequence()?;
    let salt = derivation.take(tag::OCTET_STRING)?;
    let rounds = rounds(derivation.number()?)?;
    // The key's length, which the cipher says too.
    derivation.optional(tag::INTEGER)?;
    let hmac = if derivation.is_empty() {
        pbkdf2::PBKDF2_HMAC_SHA1
    } else {
        match derivation.sequence()?.oid()?.strip_prefix(HMAC_WITH) {
            Some([7]) => pbkdf2::PBKDF2_HMAC_SHA1,
            Some([9]) => pbkdf2::PBKDF2_HMAC_SHA256,
            Some([10]) => pbkdf2::PBKDF2_HMAC_SHA384,
            Some([11]) => pbkdf2::PBKDF2_HMAC_SHA512,
            _ => return Err(DecryptError::Algorithm),
        }
    };
    let derive = |length: usize| {
        let mut key = vec![0; length];
        pbkdf2::derive(hmac, rounds, salt, password.as_bytes(), &mut key);
        key
    };
    let name = cipher.oid()?;
    let iv = cipher.take(tag::OCTET_STRING)?;
    if name == DES_EDE3_CBC {
        return cbc(TdesEde3::new_from_slice(&derive(24)), iv, data);
    }
    match name.strip_prefix(AES) {
        Some([2]) => cbc(Aes128::new_from_slice(&derive(16)), iv, data),
        Some([22]) => cbc(Aes192::new_from_slice(&derive(24)), iv, data),
        Some([42]) => cbc(Aes256::new_from_slice(&derive(32)), iv, data),
        _ => Err(DecryptError::Algorithm),
    }
}

fn cbc<C>(
    cipher: Result<C, cbc::cipher::InvalidLength>,
    iv: &[u8],
    data: &[u8],
) -> Result<Vec<u8>, DecryptError>
where
    C: BlockCipher + BlockDecryptMut,
{
    let cipher = cipher.map_err(|_| DecryptError::Algorithm)?;
    let mut decryptor =
        Decryptor::inner_iv_slice_init(cipher, iv).map_err(|_| DecryptError::Der(DerError::Unexpected))?;
    let block = C::block_size();
    let mut plain = data.to_vec();
    let mut blocks = plain.chunks_exact_mut(block);
    for block in &mut blocks {
        decryptor.decrypt_block_mut(GenericArray::from_mut_slice(block));
    }
    if !blocks.into_remainder().is_empty() {
        return Err(DecryptError::Der(DerError::Truncated));
    }
    // PKCS #7: as many bytes of padding as each of them says. That they are all the same tells a wrong password.
    let padding = plain.last().copied().unwrap_or(0);
    let kept = plain.len().checked_sub(usize::from(padding)).ok_or(DecryptError::Password)?;
    if padding == 0 || usize::from(padding) > block || plain[kept..].iter().any(|byte| *byte != padding) {
        return Err(DecryptError::Password);
    }
    plain.truncate(kept);
    Ok(plain)
}

/// Rounds that are neither none nor too many.
pub(super) fn rounds(count: u32) -> Result<NonZeroU32, DecryptError> {
    NonZeroU32::new(count).filter(|count| count.get() <= ROUNDS_MAX).ok_or(DecryptError::Rounds)
}

/// What derived bytes are for (RFC 7292, B.3); its number goes in.
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    Key = 1,
    Iv = 2,
    Mac = 3,
}

/// A password as PKCS #12 takes it: UTF-16, big-endian, with a zero at the end.
pub(super) fn bmp_string(password: &str) -> Vec<u8> {
    password.encode_utf16().chain([0]).flat_map(u16::to_be_bytes).collect()
}

/// The key derivation of PKCS #12 (RFC 7292, B.2).
pub(super) fn derive(
    algorithm: &'static digest::Algorithm,
    purpose: Purpose,
    password: &[u8],
    salt: &[u8],
    rounds: NonZeroU32,
    length: usize,
) -> Vec<u8> {
    let block = algorithm.block_len();
    let fill = |bytes: &[u8]| -> Vec<u8> {
        bytes.iter().copied().cycle().take(bytes.len().div_ceil(block) * block).collect()
    };
    let mut input = [fill(salt), fill(password)].concat();
    let mut derived = Vec::with_capacity(length + algorithm.output_len());
    while derived.len() < length {
        let mut first = digest::Context::new(algorithm);
        first.update(&vec![purpose as u8; block]);
        first.update(&input);
        let mut hash = first.finish();
        for _ in 1..rounds.get() {
            hash = digest::digest(algorithm, hash.as_ref());
        }
        derived.extend_from_slice(hash.as_ref());
        // Every block of the input becomes itself + the hash, repeated, + 1, as numbers.
        for piece in input.chunks_exact_mut(block) {
            let mut carry = 1;
            for (at, byte) in piece.iter_mut().enumerate().rev() {
                let sum = u16::from(*byte) + u16::from(hash.as_ref()[at % algorithm.output_len()]) + carry;
                let [high, low] = sum.to_be_bytes();
                (carry, *byte) = (u16::from(high), low);
            }
        }
    }
    derived.truncate(length);
    derived
}
