//! What the embedder does with the modules, and when collections happen.

use gcrucible_oracles::schedule::Schedule;
use gcrucible_oracles::value::{HeapTop, Ref, Value};

use super::generator::Gen;
use super::swarm::Feature;
use super::values;
use crate::program::{FuncId, Heap, Program, Sig, Step, Ty};

impl Gen<'_> {
    /// Returns the whole program. `entries` are the functions to call, by module.
    pub(super) fn program(mut self, entries: &[Vec<FuncId>]) -> Program {
        if self.on(Feature::AskGc) && self.src.chance(50) {
            self.export_harness("gc", Vec::new());
        }
        if self.on(Feature::AskLive) && self.src.chance(50) {
            self.export_harness("live", vec![Ty::I32]);
        }
        let steps = self.steps(entries);
        let schedule = self.schedule();
        Program {
            types: self.types,
            modules: self.done,
            steps,
            schedule,
            held: self.held,
            canaries: false,
            filled: false,
            ballast: false,
            kinds: self
                .kinds
                .iter()
                .map(|&(id, kind)| (format!("e{}", id.0), kind))
                .collect(),
        }
    }

    /// Exports a harness function, so that the embedder calls it with no frame on the stack.
    fn export_harness(&mut self, name: &str, results: Vec<Ty>) {
        let at = self.last_complete();
        self.m = self.done.remove(at);
        let sig = Sig {
            params: Vec::new(),
            results,
        };
        let id = self.harness(name, &sig);
        if let Some(func) = self.m.funcs.iter_mut().find(|f| f.id == id) {
            func.export = Some(name.to_owned());
        }
        self.done.insert(at, std::mem::take(&mut self.m));
    }

    /// The position of the last module whose instantiation does not fail.
    fn last_complete(&self) -> usize {
        self.known() - 1 - usize::from(self.fails)
    }

    /// How many modules there are before the strangers.
    fn known(&self) -> usize {
        self.done.len() - self.strangers as usize
    }

    fn steps(&mut self, entries: &[Vec<FuncId>]) -> Vec<Step> {
        let mut steps = Vec::new();
        for module in 0..self.known() {
            steps.push(Step::Instantiate(module));
            // Sometimes an earlier module runs before a later one exists.
            if self.src.chance(30) {
                self.invoke(module, entries, &mut steps);
            }
        }
        if self.kept {
            for (module, ids) in entries.iter().enumerate() {
                ids.iter()
                    .for_each(|&id| self.invoke_entry(module, id, &mut steps));
            }
        }
        let (low, high) = if self.kept { (0, 2) } else { (2, 5) };
        for _ in 0..self.src.range(low, high) {
            let module = self.src.below(self.known());
            self.invoke(module, entries, &mut steps);
        }
        steps.append(&mut self.before_strangers);
        steps.extend((self.known()..self.done.len()).map(Step::Instantiate));
        steps
    }

    fn invoke(&mut self, module: usize, entries: &[Vec<FuncId>], steps: &mut Vec<Step>) {
        if self.src.chance(8)
            && let Some(step) = self.invoke_harness()
        {
            steps.push(step);
        }
        if let Some(id) = self.src.pick(&entries[module]) {
            self.invoke_entry(module, id, steps);
        }
    }

    fn invoke_entry(&mut self, module: usize, id: FuncId, steps: &mut Vec<Step>) {
        let Some(func) = self.done[module].func(id) else {
            return;
        };
        let (ty, export) = (func.ty, func.export.clone());
        let (Some(sig), Some(export)) = (self.types.sig(ty).cloned(), export) else {
            return;
        };
        let args = sig.params.iter().map(|&ty| self.argument(ty)).collect();
        steps.push(Step::Invoke {
            module,
            export,
            args,
        });
    }

    fn invoke_harness(&mut self) -> Option<Step> {
        let module = self.last_complete();
        let is_harness = |e: &&String| *e == "gc" || *e == "live";
        let exports: Vec<&String> = self.done[module]
            .funcs
            .iter()
            .filter_map(|f| f.export.as_ref())
            .filter(is_harness)
            .collect();
        let export = (*self.src.pick(&exports)?).clone();
        Some(Step::Invoke {
            module,
            export,
            args: Vec::new(),
        })
    }

    fn argument(&mut self, ty: Ty) -> Value {
        match ty {
            Ty::I32 => Value::I32(values::int32(&mut self.src)),
            Ty::I64 => Value::I64(values::int64(&mut self.src)),
            Ty::F32 => Value::F32(values::float32(&mut self.src)),
            Ty::F64 => Value::F64(values::float64(&mut self.src)),
            Ty::V128 => Value::V128(values::vector(&mut self.src)),
            Ty::Ref(r) => {
                let top = match self.types.top(r.heap) {
                    Heap::Func => HeapTop::Func,
                    Heap::Extern => HeapTop::Extern,
                    Heap::Exn => HeapTop::Exn,
                    _ => HeapTop::Any,
                };
                // The same few numbers, so that one object is passed several times.
                let number = self.src.range(0, 2);
                match r.heap {
                    Heap::Extern if self.src.chance(75) => Value::Ref(Ref::host(number)),
                    _ => Value::Ref(Ref::null(top)),
                }
            }
        }
    }

    /// Draws a schedule. Most collect something while objects are alive.
    fn schedule(&mut self) -> Schedule {
        match self.src.weighted(&[35, 30, 20, 15]) {
            0 => Schedule::Every,
            1 => Schedule::EveryNth(u64::from(self.src.range(2, 7))),
            2 => {
                let n = self.src.range(1, 6);
                let mut points: Vec<u64> =
                    (0..n).map(|_| u64::from(self.src.range(0, 60))).collect();
                points.sort_unstable();
                points.dedup();
                Schedule::At(points)
            }
            _ => Schedule::OnPressure,
        }
    }
}
