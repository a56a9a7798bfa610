//! A module's compiled code after placing and linking: where its functions are, and its tables.
//!
//! Linking is one pass: lay out the functions, patch their relocations in a buffer, write the
//! buffer. The code is freed when the [`Image`] is dropped. Instances, and stores that run the
//! code, keep it alive (I4 in `compile::arena`).

use std::ops::Range;
use std::sync::Arc;

use super::arena::{Arena, Block};
use super::emitted::{Cause, FuncCode, Reloc, RelocKind, Target};
use super::stack_map::{StackMap, StackMapTable};
use super::trap_table::{TrapTable, TryCall, TryTable};
use crate::index::DefinedFuncIdx;

/// Why code could not be linked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// The engine's arena has no room left for that many bytes.
    #[error("no room for {0} bytes of code")]
    Full(usize),
    /// A target that does not exist or cannot be reached: a fault of the translator.
    #[error("unresolved target of a relocation: {0:?}")]
    Unresolved(Option<Target>),
}

/// Where targets outside of the code being linked are.
pub trait Resolve {
    /// Returns the address of a target other than a function or a piece of the initialiser. `None`
    /// if this code has no such target.
    fn address(&self, target: Target) -> Option<usize>;
}

/// A piece of code in an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece {
    /// A function of the module.
    Func(DefinedFuncIdx),
    /// A piece of its initialiser.
    Init(u32),
}

/// A module's code.
#[derive(Debug)]
pub struct Image {
    block: Block,
    /// Start of each piece, in ascending order: functions, then pieces of the initialiser.
    starts: Box<[u32]>,
    funcs: u32,
    maps: StackMapTable,
    traps: TrapTable,
    tries: TryTable,
    largest_frame: u32,
}

impl Image {
    /// Places and links a module's functions, in the order of their indices, and the pieces of its
    /// initialiser.
    ///
    /// # Errors
    ///
    /// [`LinkError`].
    pub fn link(
        arena: &Arc<Arena>,
        resolve: &dyn Resolve,
        funcs: &[FuncCode],
        inits: &[FuncCode],
    ) -> Result<Image, LinkError> {
        let pieces = || funcs.iter().chain(inits);
        let mut starts = Vec::with_capacity(funcs.len() + inits.len());
        let mut at = 0usize;
        for code in pieces() {
            at = at.next_multiple_of(code.align as usize);
            starts.push(u32::try_from(at).map_err(|_| LinkError::Full(at))?);
            at += code.bytes.len();
        }
        let mut block = arena.allocate(at).ok_or(LinkError::Full(at))?;
        let mut image = Linker {
            base: block.base().addr(),
            bytes: vec![0xcc; at],
            starts: &starts,
            funcs: funcs.len(),
            resolve,
        };
        let (mut maps, mut traps, mut tries) = Default::default();
        for (&start, code) in starts.iter().zip(pieces()) {
            image.copy(start, code)?;
            StackMapTable::append(&mut maps, start, code);
            TrapTable::append(&mut traps, start, code);
            TryTable::append(&mut tries, start, code);
        }
        block.write(&image.bytes);
        Ok(Image {
            block,
            starts: starts.into(),
            funcs: funcs.len() as u32,
            maps,
            traps,
            tries,
            largest_frame: pieces().map(|code| code.frame_bytes).max().unwrap_or(0),
        })
    }

    /// Entry of a function.
    ///
    /// # Panics
    ///
    /// When the module has no such function.
    #[must_use]
    pub fn func(&self, func: DefinedFuncIdx) -> *const u8 {
        assert!(func.0 < self.funcs, "no such function");
        self.at(self.starts[func.as_usize()])
    }

    /// Entries of the initialiser's pieces, in the order in which they run.
    pub fn inits(&self) -> impl Iterator<Item = *const u8> + '_ {
        self.starts[self.funcs as usize..]
            .iter()
            .map(|&start| self.at(start))
    }

    /// Returns the bytes of the largest frame.
    #[must_use]
    pub fn largest_frame(&self) -> u32 {
        self.largest_frame
    }

    /// Returns the addresses of the code.
    #[must_use]
    pub fn range(&self) -> Range<usize> {
        self.block.range()
    }

    /// Returns the piece that `pc` is in, and where in it.
    #[must_use]
    pub fn locate(&self, pc: usize) -> Option<(Piece, u32)> {
        let offset = self.offset(pc)?;
        let at = self
            .starts
            .partition_point(|&s| s <= offset)
            .checked_sub(1)? as u32;
        let piece = match at.checked_sub(self.funcs) {
            None => Piece::Func(DefinedFuncIdx(at)),
            Some(piece) => Piece::Init(piece),
        };
        Some((piece, offset - self.starts[at as usize]))
    }

    /// Returns the references held during the call that returns to exactly `ret`.
    #[must_use]
    pub fn stack_map(&self, ret: usize) -> Option<StackMap<'_>> {
        self.maps.get(self.offset(ret)?)
    }

    /// Returns the references held during the last call that returns to `ret` or to an address
    /// before it. With `within`, that call must be in the same function. Without it, that call must
    /// be in a function before it. Only planted faults use this.
    #[must_use]
    pub fn stack_map_before(&self, ret: usize, within: bool) -> Option<StackMap<'_>> {
        let (_, into) = self.locate(ret)?;
        let offset = self.offset(ret)?;
        let (found, map) = self.maps.at_or_before(offset)?;
        (within == (found >= offset - into)).then_some(map)
    }

    /// Why the instruction at `pc` faulted. `None` if it must not fault.
    #[must_use]
    pub fn trap(&self, pc: usize) -> Option<Cause> {
        self.traps.get(self.offset(pc)?)
    }

    /// Returns the handlers of the call that returns to exactly `ret`.
    #[must_use]
    pub fn try_call(&self, ret: usize) -> Option<TryCall<'_>> {
        self.tries.get(self.offset(ret)?)
    }

    /// Returns the address of an offset of the code, such as a handler's.
    #[must_use]
    pub fn at(&self, offset: u32) -> *const u8 {
        self.block.base().wrapping_add(offset as usize)
    }

    fn offset(&self, pc: usize) -> Option<u32> {
        let range = self.range();
        range.contains(&pc).then(|| (pc - range.start) as u32)
    }
}

/// The instruction that Cranelift traps with.
const UD2: [u8; 2] = [0x0f, 0x0b];

/// The instruction that replaces it. A privileged instruction faults as well, but a hypervisor does
/// not intercept that fault. Measured in a virtual machine: 18 us for a signal by `ud2`, 4 us by
/// `hlt`.
const HLT_NOP: [u8; 2] = [0xf4, 0x90];

struct Linker<'a> {
    base: usize,
    bytes: Vec<u8>,
    starts: &'a [u32],
    funcs: usize,
    resolve: &'a dyn Resolve,
}

impl Linker<'_> {
    /// Copies a function to its position and patches its relocations.
    fn copy(&mut self, start: u32, code: &FuncCode) -> Result<(), LinkError> {
        let start = start as usize;
        self.bytes[start..][..code.bytes.len()].copy_from_slice(&code.bytes);
        for site in &code.traps {
            let at = start + site.offset as usize;
            if self.bytes[at..].starts_with(&UD2) {
                self.bytes[at..at + UD2.len()].copy_from_slice(&HLT_NOP);
            }
        }
        for reloc in &code.relocs {
            self.patch(start, reloc)
                .ok_or(LinkError::Unresolved(reloc.target))?;
        }
        Ok(())
    }

    fn patch(&mut self, start: usize, reloc: &Reloc) -> Option<()> {
        let target = match reloc.target {
            None => self.base + start,
            Some(Target::Func(func)) if func.as_usize() < self.funcs => {
                self.base + self.starts[func.as_usize()] as usize
            }
            Some(Target::Func(_)) => return None,
            Some(Target::Init(piece)) => {
                self.base + *self.starts.get(self.funcs + piece as usize)? as usize
            }
            Some(outside) => self.resolve.address(outside)?,
        };
        let value = (target as u64).wrapping_add_signed(reloc.addend);
        let at = start + reloc.offset as usize;
        match reloc.kind {
            RelocKind::Absolute8 => {
                self.bytes
                    .get_mut(at..at + 8)?
                    .copy_from_slice(&value.to_le_bytes());
            }
            RelocKind::Relative4 => {
                let distance = value.wrapping_sub((self.base + at) as u64) as i64;
                let distance = i32::try_from(distance).ok()?;
                self.bytes
                    .get_mut(at..at + 4)?
                    .copy_from_slice(&distance.to_le_bytes());
            }
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abi::libcalls::LibCall;

    struct Nothing;

    impl Resolve for Nothing {
        fn address(&self, _: Target) -> Option<usize> {
            None
        }
    }

    fn func(bytes: &[u8], relocs: &[Reloc]) -> FuncCode {
        FuncCode {
            bytes: bytes.into(),
            align: 16,
            relocs: relocs.to_vec(),
            ..FuncCode::default()
        }
    }

    #[test]
    fn a_function_calls_its_neighbour() {
        let arena = Arena::new().expect("address space");
        let call = Reloc {
            offset: 1,
            kind: RelocKind::Relative4,
            target: Some(Target::Func(DefinedFuncIdx(1))),
            addend: -4,
        };
        // call rel32; add eax, 1; ret        mov eax, 41; ret
        let caller = func(&[0xe8, 0, 0, 0, 0, 0x83, 0xc0, 1, 0xc3], &[call]);
        let callee = func(&[0xb8, 41, 0, 0, 0, 0xc3], &[]);
        let image = Image::link(&arena, &Nothing, &[caller, callee], &[]).expect("links");
        let entry = image.func(DefinedFuncIdx(0));
        // SAFETY: the bytes above are a function of the C convention without arguments, and `image`
        // keeps them (I4).
        let entry = unsafe { std::mem::transmute::<*const u8, extern "C" fn() -> u32>(entry) };
        assert_eq!(entry(), 42);
        let second = image.func(DefinedFuncIdx(1)).addr();
        assert_eq!(
            image.locate(second + 2),
            Some((Piece::Func(DefinedFuncIdx(1)), 2))
        );
        assert_eq!(image.locate(0), None);
    }

    #[test]
    fn unknown_targets_are_errors() {
        let arena = Arena::new().expect("address space");
        for target in [
            Target::Func(DefinedFuncIdx(7)),
            Target::Init(0),
            Target::LibCall(LibCall::raise_trap),
        ] {
            let reloc = Reloc {
                offset: 0,
                kind: RelocKind::Absolute8,
                target: Some(target),
                addend: 0,
            };
            let err = Image::link(&arena, &Nothing, &[func(&[0; 8], &[reloc])], &[])
                .expect_err("not linked");
            assert_eq!(err, LinkError::Unresolved(Some(target)));
        }
    }
}
