//! Asking for memory before it is read: a pass with much arithmetic between two reads does not look far enough ahead.

#![allow(unsafe_code)]

/// Asks for the values that stand `by` behind the first of `values`, where there is anything.
#[inline(always)]
pub(super) fn ahead<T>(values: &[T], by: usize) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: nothing is read; a place that is not there is passed over.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(values.as_ptr().wrapping_add(by).cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (values, by);
}
