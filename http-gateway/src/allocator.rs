//! The allocator of the process: mimalloc, called so that blocks are as small as they can be.
//!
//! The crate of that name asks for every block with an alignment. For one of 40, 56 or 3,072 bytes that takes a way
//! which sets aside room to align in, and so the next larger size; without it many a key takes 8 bytes less.
#![expect(unsafe_code, reason = "the allocator is C")]

use std::alloc::{GlobalAlloc, Layout};
use std::ffi::c_void;

use libmimalloc_sys::{
    mi_free, mi_malloc, mi_malloc_aligned, mi_realloc, mi_realloc_aligned, mi_zalloc, mi_zalloc_aligned,
};

/// Every block has this alignment: all sizes that mimalloc hands out are multiples of it.
const ALIGNMENT: usize = align_of::<u64>();

/// The allocator.
pub struct Mimalloc;

/// A new block, from whichever of two functions of mimalloc fits its alignment.
#[inline(always)]
fn allocate(
    layout: Layout,
    plain: unsafe extern "C" fn(usize) -> *mut c_void,
    aligned: unsafe extern "C" fn(usize, usize) -> *mut c_void,
) -> *mut u8 {
    // SAFETY: any size and any power of two will do.
    let block = unsafe {
        if layout.align() <= ALIGNMENT { plain(layout.size()) } else { aligned(layout.size(), layout.align()) }
    };
    block.cast()
}

// SAFETY: mimalloc answers with null or with a block of the size and alignment that was asked for, its own alignment
// being `ALIGNMENT`, which no other block overlaps until it is given back.
unsafe impl GlobalAlloc for Mimalloc {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        allocate(layout, mi_malloc, mi_malloc_aligned)
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        allocate(layout, mi_zalloc, mi_zalloc_aligned)
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, _: Layout) {
        // SAFETY: the caller has the block from here.
        unsafe { mi_free(block.cast()) }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller has the block from here, with that alignment.
        let block = unsafe {
            if layout.align() <= ALIGNMENT {
                mi_realloc(block.cast(), size)
            } else {
                mi_realloc_aligned(block.cast(), size, layout.align())
            }
        };
        block.cast()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_aligned_and_keep_their_bytes() {
        for align in [1, 2, 4, 8, 16, 64, 4096] {
            for size in [1, 7, 8, 9, 24, 40, 56, 100, 3072, 100_000] {
                let layout = Layout::from_size_align(size, align).expect("a layout");
                // SAFETY: the layouts have a size, and each block is given back once, with the layout it has.
                unsafe {
                    let block = Mimalloc.alloc_zeroed(layout);
                    assert!(block.addr().is_multiple_of(align), "{size} at {align}");
                    assert!(std::slice::from_raw_parts(block, size).iter().all(|byte| *byte == 0));
                    block.write_bytes(7, size);
                    let block = Mimalloc.realloc(block, layout, 2 * size);
                    assert!(block.addr().is_multiple_of(align), "{size} at {align}, grown");
                    assert!(std::slice::from_raw_parts(block, size).iter().all(|byte| *byte == 7));
                    Mimalloc.dealloc(block, Layout::from_size_align(2 * size, align).expect("a layout"));
                }
            }
        }
    }
}
