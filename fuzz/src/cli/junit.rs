//! The results of scripts in JUnit's format, as continuous integration reads them.

use std::io::{self, Cursor};

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

/// All scripts on one engine under one schedule.
#[derive(Clone, Debug)]
pub struct Suite {
    /// The engine and the schedule.
    pub name: String,
    /// Seconds.
    pub seconds: f64,
    /// Each script.
    pub scripts: Vec<Script>,
}

/// One script.
#[derive(Clone, Debug)]
pub struct Script {
    /// Its file.
    pub file: String,
    /// Assertions that hold.
    pub passed: u64,
    /// What fails, with its place.
    pub failures: Vec<String>,
}

/// Returns the file. A script is a test; one of which nothing was asked was skipped.
///
/// # Errors
///
/// A text that is no text of XML.
pub fn report(suites: &[Suite]) -> io::Result<Vec<u8>> {
    let mut xml = Writer::new_with_indent(Cursor::new(Vec::new()), b' ', 2);
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let root = xml.create_element("testsuites");
    root.with_attribute(("name", "gcrucible wast"))
        .write_inner_content(|xml| suites.iter().try_for_each(|suite| write_suite(xml, suite)))?;
    let mut bytes = xml.into_inner().into_inner();
    bytes.push(b'\n');
    Ok(bytes)
}

fn write_suite(xml: &mut Writer<Cursor<Vec<u8>>>, suite: &Suite) -> io::Result<()> {
    let count = |is: fn(&Script) -> bool| suite.scripts.iter().filter(|s| is(s)).count();
    let seconds = format!("{:.3}", suite.seconds);
    let numbers = [
        ("tests", suite.scripts.len()),
        ("failures", count(Script::fails)),
        ("skipped", count(Script::is_skipped)),
    ];
    let numbers = numbers.map(|(name, number)| (name, number.to_string()));
    let element = xml
        .create_element("testsuite")
        .with_attribute(("name", suite.name.as_str()))
        .with_attributes(numbers.iter().map(|(name, text)| (*name, text.as_str())))
        .with_attribute(("time", seconds.as_str()));
    element.write_inner_content(|xml| {
        let mut scripts = suite.scripts.iter();
        scripts.try_for_each(|script| write_script(xml, &suite.name, script))
    })?;
    Ok(())
}

fn write_script(xml: &mut Writer<Cursor<Vec<u8>>>, suite: &str, script: &Script) -> io::Result<()> {
    let element = xml
        .create_element("testcase")
        .with_attribute(("name", script.file.as_str()))
        .with_attribute(("classname", suite));
    element.write_inner_content(|xml| {
        if script.is_skipped() {
            xml.create_element("skipped").write_empty()?;
        }
        if let Some(first) = script.failures.first() {
            let failure = xml
                .create_element("failure")
                .with_attribute(("message", first.as_str()));
            let all = script.failures.join("\n");
            failure.write_text_content(BytesText::new(&all))?;
        }
        Ok(())
    })?;
    Ok(())
}

impl Script {
    fn fails(&self) -> bool {
        !self.failures.is_empty()
    }

    fn is_skipped(&self) -> bool {
        self.passed == 0 && self.failures.is_empty()
    }
}

#[test]
fn failures_are_failures_and_text_is_no_markup() {
    let script = |file: &str, passed, failures: &[&str]| Script {
        file: file.to_owned(),
        passed,
        failures: failures.iter().map(|&text| text.to_owned()).collect(),
    };
    let suite = Suite {
        name: "runtime:drc, every".to_owned(),
        seconds: 1.5,
        scripts: vec![
            script("a.wast", 3, &[]),
            script("<b>.wast", 1, &["2:1: <x> & \"y\"", "3:1: z"]),
            script("c.wast", 0, &[]),
        ],
    };
    let text = String::from_utf8(report(&[suite]).unwrap()).unwrap();
    assert!(
        text.contains("tests=\"3\"") && text.contains("failures=\"1\""),
        "{text}"
    );
    assert!(text.contains("<skipped/>"), "{text}");
    assert!(
        text.contains("&lt;b&gt;.wast") && !text.contains("<x>"),
        "{text}"
    );
}
