//! Hop 7: DER as certificates and key stores use it (X.690), read with checks and without copies.

/// Tags of X.690 that are met here.
pub(super) mod tag {
    pub(crate) const INTEGER: u8 = 0x02;
    pub(crate) const OCTET_STRING: u8 = 0x04;
    pub(crate) const OID: u8 = 0x06;
    pub(crate) const SEQUENCE: u8 = 0x30;
    pub(crate) const SET: u8 = 0x31;
    /// `[0]`, constructed.
    pub(crate) const CONTEXT_0: u8 = 0xA0;
    /// `[0]`, primitive.
    pub(crate) const CONTEXT_0_BYTES: u8 = 0x80;
    /// `[3]`, constructed.
    pub(crate) const CONTEXT_3: u8 = 0xA3;
}

/// Why bytes are not the DER that was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum DerError {
    #[error("it ends too early")]
    Truncated,
    #[error(
        "its lengths are written in a way (BER) that is not read here; write it anew with openssl pkcs12"
    )]
    Indefinite,
    #[error("its structure is not the expected one")]
    Unexpected,
}

/// What is left of a sequence of elements.
#[derive(Debug, Clone, Copy)]
pub(super) struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next element: its tag and its content.
    pub(super) fn any(&mut self) -> Result<(u8, &'a [u8]), DerError> {
        let [tag, first, rest @ ..] = self.0 else { return Err(DerError::Truncated) };
        // Tags above 30 take more bytes and are not met in any of these formats.
        if tag & 0x1F == 0x1F {
            return Err(DerError::Unexpected);
        }
        let (length, rest) = match first {
            0x80 => return Err(DerError::Indefinite),
            0..0x80 => (usize::from(*first), rest),
            _ => {
                let count = usize::from(first & 0x7F);
                // Four bytes of length are more than any store that is read has.
                if count > 4 {
                    return Err(DerError::Unexpected);
                }
                let (length, rest) = rest.split_at_checked(count).ok_or(DerError::Truncated)?;
                (length.iter().fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte)), rest)
            }
        };
        let (content, rest) = rest.split_at_checked(length).ok_or(DerError::Truncated)?;
        self.0 = rest;
        Ok((*tag, content))
    }

    /// The content of the next element, which has this tag.
    pub(super) fn take(&mut self, tag: u8) -> Result<&'a [u8], DerError> {
        match self.any()? {
            (found, content) if found == tag => Ok(content),
            _ => Err(DerError::Unexpected),
        }
    }

    /// The content of the next element if it has this tag.
    pub(super) fn optional(&mut self, tag: u8) -> Result<Option<&'a [u8]>, DerError> {
        if self.0.first() == Some(&tag) { self.take(tag).map(Some) } else { Ok(None) }
    }

    /// The elements within the next one, which has this tag.
    pub(super) fn inside(&mut self, tag: u8) -> Result<Self, DerError> {
        self.take(tag).map(Self)
    }

    pub(super) fn sequence(&mut self) -> Result<Self, DerError> {
        self.inside(tag::SEQUENCE)
    }

    /// The content of the next sequence.
    pub(super) fn sequence_bytes(&mut self) -> Result<&'a [u8], DerError> {
        self.take(tag::SEQUENCE)
    }

    pub(super) fn oid(&mut self) -> Result<&'a [u8], DerError> {
        self.take(tag::OID)
    }

    /// A number that is not negative and fits.
    pub(super) fn number(&mut self) -> Result<u32, DerError> {
        let bytes = self.take(tag::INTEGER)?;
        let digits = bytes.strip_prefix(&[0]).unwrap_or(bytes);
        if digits.len() > 4 || bytes.is_empty() || bytes[0] & 0x80 != 0 {
            return Err(DerError::Unexpected);
        }
        Ok(digits.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte)))
    }
}

/// What chains and names are made of in a certificate (RFC 5280).
#[derive(Debug, Clone, Copy)]
pub(super) struct Certificate<'a> {
    pub(super) issuer: &'a [u8],
    pub(super) subject: &'a [u8],
    /// The public key with its algorithm.
    pub(super) key: &'a [u8],
    /// Version 1 is from before 1996, and what `openssl x509 -req` makes unless it is given extensions.
    pub(super) version_1: bool,
    extensions: Option<&'a [u8]>,
}

/// `id-ce-subjectAltName`, 2.5.29.17.
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1D, 0x11];
/// `id-at-commonName`, 2.5.4.3.
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
/// `dNSName [2]` of `GeneralName`.
const DNS_NAME: u8 = 0x82;

impl<'a> Certificate<'a> {
    pub(super) fn read(der: &'a [u8]) -> Result<Self, DerError> {
        let mut body = Der::new(der).sequence()?.sequence()?;
        let version_1 = body.optional(tag::CONTEXT_0)?.is_none();
        body.take(tag::INTEGER)?;
        body.sequence()?;
        let issuer = body.take(tag::SEQUENCE)?;
        body.sequence()?;
        let subject = body.take(tag::SEQUENCE)?;
        let key = body.take(tag::SEQUENCE)?;
        let mut extensions = None;
        while !body.is_empty() {
            if let (tag::CONTEXT_3, content) = body.any()? {
                extensions = Some(content);
            }
        }
        Ok(Self { issuer, subject, key, version_1, extensions })
    }

    /// The last common name of the subject, if no alternative name is a DNS name: then Java and OpenSSL compare that.
    pub(super) fn name_without_alternatives(&self) -> Result<Option<&'a str>, DerError> {
        if let Some(extensions) = self.extensions {
            let mut extensions = Der::new(extensions).sequence()?;
            while !extensions.is_empty() {
                let mut extension = extensions.sequence()?;
                if extension.oid()? != SUBJECT_ALT_NAME {
                    continue;
                }
                let (mut found, mut value) = extension.any()?;
                if found != tag::OCTET_STRING {
                    (found, value) = extension.any()?;
                }
                if found != tag::OCTET_STRING {
                    return Err(DerError::Unexpected);
                }
                let mut names = Der::new(value).sequence()?;
                while !names.is_empty() {
                    if names.any()?.0 == DNS_NAME {
                        return Ok(None);
                    }
                }
            }
        }
        let mut common_name = None;
        let mut subject = Der::new(self.subject);
        while !subject.is_empty() {
            let mut relative = subject.inside(tag::SET)?;
            while !relative.is_empty() {
                let mut attribute = relative.sequence()?;
                if attribute.oid()? == COMMON_NAME {
                    common_name = std::str::from_utf8(attribute.any()?.1).ok();
                }
            }
        }
        Ok(common_name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_read_and_lies_about_lengths_are_not_believed() {
        let mut der = Der::new(&[0x30, 3, 2, 1, 5, 4, 0]);
        assert_eq!(der.sequence().unwrap().number(), Ok(5));
        assert_eq!(der.optional(tag::SET), Ok(None));
        assert_eq!(der.optional(tag::OCTET_STRING), Ok(Some(&[][..])));
        assert!(der.is_empty());
        for (bytes, why) in [
            (&[][..], DerError::Truncated),
            (&[0x30], DerError::Truncated),
            (&[0x30, 0x84, 0xFF, 0xFF, 0xFF, 0xFF], DerError::Truncated),
            (&[0x30, 0x82, 1], DerError::Truncated),
            (&[0x30, 0x85, 0, 0, 0, 0, 0], DerError::Unexpected),
            (&[0x30, 0x80, 0, 0], DerError::Indefinite),
            (&[0x3F, 1, 0], DerError::Unexpected),
        ] {
            assert_eq!(Der::new(bytes).any(), Err(why), "{bytes:?}");
        }
        assert_eq!(Der::new(&[2, 1, 0xFF]).number(), Err(DerError::Unexpected));
        assert_eq!(Der::new(&[2, 0]).number(), Err(DerError::Unexpected));
        assert_eq!(Der::new(&[2, 5, 0, 0xFF, 0xFF, 0xFF, 0xFF]).number(), Ok(u32::MAX));
        assert_eq!(Der::new(&[2, 5, 1, 0, 0, 0, 0]).number(), Err(DerError::Unexpected));
    }
}
