//! The process's allocator, and how soon it gives freed memory back to the system.

#![expect(unsafe_code, reason = "the allocator's options are set through its C interface")]

use std::ffi::c_long;
use std::sync::atomic::{AtomicUsize, Ordering};

/// glibc's allocator keeps the memory of large bodies in each thread's arena; this one gives it back.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// `mi_option_purge_delay` of mimalloc.h, which the crate does not name.
const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;

/// How long freed pages are kept for the next allocation. The library's second is too long: bodies that turn over that
/// fast would hold a multiple of what they need. Without any delay each record of half a megabyte would pay for fresh
/// pages, a sixth of what it costs.
const KEPT_MS: c_long = 100;
/// The same while memory is short: then it matters that what is free is free for all.
const KEPT_MS_WHEN_SHORT: c_long = 10;

/// Budgets that are short now.
static SHORT: AtomicUsize = AtomicUsize::new(0);

fn keep_for(ms: c_long) {
    // SAFETY: a store to one of the library's options, which it allows at any time and from any thread.
    unsafe { libmimalloc_sys::mi_option_set(PURGE_DELAY, ms) };
}

/// To be called before the first large allocation.
pub(crate) fn give_back_soon() {
    keep_for(KEPT_MS);
}

/// A budget becomes short, or is no more.
pub(crate) fn short_of_memory(short: bool) {
    if short {
        SHORT.fetch_add(1, Ordering::SeqCst);
    } else {
        SHORT.fetch_sub(1, Ordering::SeqCst);
    }
    // Until what is set is what is so, whoever else sets it meanwhile.
    loop {
        let budgets = SHORT.load(Ordering::SeqCst);
        keep_for(if budgets > 0 { KEPT_MS_WHEN_SHORT } else { KEPT_MS });
        if SHORT.load(Ordering::SeqCst) == budgets {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_option_is_the_one_that_is_meant_and_follows_the_shortage() {
        // SAFETY: a read of one of the library's options.
        let read = || unsafe { libmimalloc_sys::mi_option_get(PURGE_DELAY) };
        assert_eq!(read(), 1000, "mimalloc's default has changed, or its numbering");
        give_back_soon();
        assert_eq!(read(), KEPT_MS);
        for (short, kept) in [
            (true, KEPT_MS_WHEN_SHORT),
            (true, KEPT_MS_WHEN_SHORT),
            (false, KEPT_MS_WHEN_SHORT),
            (false, KEPT_MS),
        ] {
            short_of_memory(short);
            assert_eq!(read(), kept);
        }
    }
}
