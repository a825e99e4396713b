//! Messages filled with arbitrary values, for tests.

use bytes::Bytes;
use fastrand::Rng;
use uuid::Uuid;

use crate::wire::{RecordSet, Version};

/// A value with something in it: in every field, or (`at`) in those that a version has.
#[cfg_attr(not(fuzzing), expect(unreachable_pub, reason = "the door for fuzzing is open in its builds only"))]
pub trait Filled: Sized {
    /// A new one.
    fn filled(rng: &mut Rng, at: Option<Version>) -> Self;
}

macro_rules! filled {
    ($($ty:ty => |$rng:ident| $value:expr;)*) => {$(
        impl Filled for $ty {
            fn filled($rng: &mut Rng, _: Option<Version>) -> Self {
                $value
            }
        }
    )*};
}

filled! {
    bool => |rng| rng.bool();
    i8 => |rng| rng.i8(1..);
    i16 => |rng| rng.i16(1..);
    i32 => |rng| rng.i32(1..);
    i64 => |rng| rng.i64(1..);
    Uuid => |rng| Uuid::from_u128(rng.u128(1..));
    String => |rng| (0..rng.usize(1..12)).map(|_| rng.char(..)).collect();
    Bytes => |rng| (0..rng.usize(1..9000)).map(|_| rng.u8(..)).collect();
    RecordSet => |rng| vec![Bytes::filled(rng, None), Bytes::filled(rng, None)].into();
    crate::ErrorCode => |rng| crate::ErrorCode(rng.i16(1..100));
}

impl<T: Filled> Filled for Option<T> {
    fn filled(rng: &mut Rng, at: Option<Version>) -> Self {
        Some(T::filled(rng, at))
    }
}

impl<T: Filled> Filled for Vec<T> {
    fn filled(rng: &mut Rng, at: Option<Version>) -> Self {
        (0..rng.usize(1..4)).map(|_| T::filled(rng, at)).collect()
    }
}
