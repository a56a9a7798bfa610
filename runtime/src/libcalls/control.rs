//! Traps, budgets, throwing (the rule `throw_ref`), and collection points.

use super::{Answer, Call};
use crate::error::{Exhausted, Trap};
use crate::execute::fuel;
use crate::execute::raise::Raised;
use crate::heap::{GcRef, PointKind};

impl Call<'_> {
    pub(super) fn raise_trap(&mut self, code: u32) -> Answer {
        let code = u8::try_from(code).unwrap_or(0);
        let trap = Trap::from_code(code);
        Err(trap.expect("compiled code raises traps that exist").into())
    }

    pub(super) fn out_of_fuel(&mut self) -> Answer {
        let vm = self.store.vm().as_ptr();
        // SAFETY: V1, V3.
        fuel::refill(unsafe { &mut *vm }, &mut self.store.contents.execution)?;
        Ok(0)
    }

    pub(super) fn epoch_passed(&mut self) -> Answer {
        self.store.epoch_passed()?;
        Ok(0)
    }

    pub(super) fn stack_overflow(&mut self) -> Answer {
        Err(Exhausted::CallStack.into())
    }

    pub(super) fn calls_used_up(&mut self) -> Answer {
        Err(Exhausted::CallDepth.into())
    }

    pub(super) fn collection_point(&mut self) -> Answer {
        let [] = self.store.point_with(PointKind::Table, [])?;
        Ok(0)
    }

    pub(super) fn throw_ref(&mut self, exception: u32) -> Answer {
        let exception = GcRef::from_raw(exception).expect("compiled code throws no null");
        let tag = self.store.heap()?.exception_tag(exception)?;
        Err(Raised::Exception(exception, tag))
    }
}
