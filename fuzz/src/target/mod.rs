//! stub
use std::any::Any;
#[derive(Debug)]
pub struct Target {
    pub name: &'static str,
    pub hunts: &'static str,
}
pub static TARGETS: &[Target] = &[Target {
    name: "differential",
    hunts: "x",
}];
#[derive(Default)]
pub struct Stats {
    pub steps: u64,
    pub collections: u64,
    pub live_checks: u64,
    pub live_objects: u64,
    pub collected_alive: bool,
}
pub struct Fault {
    pub signature: String,
    pub title: String,
    pub text: String,
}
impl Fault {
    pub fn hang(_: u64) -> Fault {
        panic!()
    }
    pub fn crash(_: &str) -> Fault {
        panic!()
    }
}
pub struct Ran {
    pub fault: Option<Fault>,
    pub skipped: Option<&'static str>,
    pub stats: Stats,
}
impl Ran {
    pub fn panicked(_: &Box<dyn Any + Send>) -> Ran {
        panic!()
    }
}
impl Target {
    pub fn run_seed(&self, _: u64) -> Ran {
        panic!()
    }
    pub fn print_seed(&self, _: u64) -> String {
        String::new()
    }
    pub fn input_of_seed(&self, _: u64) -> Vec<u8> {
        vec![]
    }
}
impl Target {
    pub fn run(&self, _: &[u8]) -> Ran {
        panic!()
    }
    pub fn print(&self, _: &[u8]) -> String {
        String::new()
    }
}
pub fn run_script(_: &str, _: &str) -> Result<Ran, String> {
    panic!()
}
pub fn plant(_: &[String]) -> Result<(), String> {
    Ok(())
}
