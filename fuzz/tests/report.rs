//! `gcrucible report`: the page is whole, needs nothing else, and takes no text for markup.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use gcrucible::cli::findings::Stored;
use gcrucible_oracles::finding::{Aspect, Described, Difference, Finding, Symptom};

/// A text that would be markup, a script or a reference if it were not escaped.
const HOSTILE: &str = "<script src=\"http://x\">'&\"</script><img href=\"y\">";

fn gcrucible(arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gcrucible"));
    let output = command.args(arguments).output().expect("gcrucible starts");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), said)
}

fn differs(aspect: Aspect, path: &str, sides: [&str; 2], excess: Option<i64>) -> Finding {
    let difference = Difference {
        aspect,
        path: path.to_owned(),
        expected: Described::plain(sides[0]),
        actual: Described::plain(sides[1]),
        excess,
    };
    Finding::new(
        format!("runtime:{HOSTILE}"),
        None,
        Symptom::Differs(difference),
    )
}

/// Writes the folder of a finding, as a run does.
fn write_finding(folder: &Path, finding: Finding, operations: &[&str], program: &str) {
    fs::create_dir_all(folder).expect("a folder");
    let finding = Finding {
        operations: operations.iter().map(|&name| name.to_owned()).collect(),
        ..finding
    };
    let verdict = format!("{HOSTILE}\n\nreplay: gcrucible replay {HOSTILE}\n");
    fs::write(folder.join("verdict.txt"), verdict).expect("a file");
    fs::write(folder.join("reduced.wast"), program).expect("a file");
    fs::write(folder.join("input.bin"), [0, 1, 2]).expect("a file");
    let stored = Stored {
        target: "types".to_owned(),
        finding,
    };
    let json = serde_json::to_vec(&stored).expect("JSON");
    fs::write(folder.join("finding.json"), json).expect("a file");
}

/// Everything that a page can show.
fn filled(folder: &Path) {
    let leak = differs(
        Aspect::Census,
        &format!("structures of {HOSTILE}"),
        ["2", "5"],
        Some(3),
    );
    write_finding(
        &folder.join("findings/one"),
        leak.clone(),
        &["table.init"],
        "(module)",
    );
    write_finding(
        &folder.join("findings/two"),
        leak,
        &["table.init"],
        "(module)",
    );
    let path = format!("table \"{HOSTILE}\"[3] -> field 1");
    let wrong = differs(Aspect::Table, &path, ["i32.const 1", HOSTILE], None);
    let program = format!(";; {HOSTILE}\n(module (func (export \"{HOSTILE}\")))");
    write_finding(
        &folder.join("findings").join("<b>three"),
        wrong,
        &["array.copy"],
        &program,
    );
    let json = |name: &str, value: serde_json::Value| {
        fs::write(folder.join(name), value.to_string()).expect("a file");
    };
    let scripts = serde_json::json!({
        "engine": HOSTILE, "schedule": "every", "passed": 3, "failed": 1, "unsupported": 0,
        "files": [{"file": "<b>", "failures": [HOSTILE]}], "not_in_release": []
    });
    json("wast.json", serde_json::json!([scripts]));
    let found = serde_json::json!({"seed": 1, "detected": {"mark": {"seconds": 2.5}}});
    let missed = serde_json::json!({"seed": 2, "detected": null});
    json(
        "detect.json",
        serde_json::json!({
            "seeds": 2, "time": 60, "found": 1, "of": 1, "false_alarms": 0,
            "faults": [{"name": HOSTILE, "detected": true, "found": 1, "trials": [found, missed]}]
        }),
    );
    json("broken.json", serde_json::json!({"neither": "nor"}));
    fs::write(folder.join("<b>.json"), "{").expect("a file");
    let path = |name: &str| folder.join(name).display().to_string();
    let (fuzz, survey) = (path("fuzz.json"), path("survey.json"));
    let run = [
        "fuzz", "--target", "types", "--target", "heap_ops", "--time", "3",
    ];
    let (status, said) = gcrucible(&[&run[..], &["--json", &fuzz]].concat());
    assert_eq!(status, Some(0), "{said}");
    gcrucible(&["survey", "--programs", "10", "--json", &survey]);
}

/// Returns the values of an attribute. Text cannot have one: its quotes are escaped.
fn values<'a>(html: &'a str, attribute: &str) -> Vec<&'a str> {
    let start = format!(" {attribute}=\"");
    let values = html.split(start.as_str()).skip(1);
    values.filter_map(|rest| rest.split('"').next()).collect()
}

/// Fails unless every element that is opened is closed in turn.
fn check_nesting(html: &str) {
    let mut open = Vec::new();
    for tag in html.split('<').skip(1) {
        let end = tag.find('>').expect("each tag has an end");
        let tag = &tag[..end];
        let name = tag.split([' ', '\n']).next().unwrap_or_default();
        match name {
            "!DOCTYPE" | "meta" | "br" => {}
            _ if tag.ends_with('/') => {}
            _ => match name.strip_prefix('/') {
                Some(closed) => assert_eq!(open.pop(), Some(closed), "{tag}"),
                None => open.push(name),
            },
        }
    }
    assert_eq!(open, Vec::<&str>::new());
}

#[test]
fn a_page_is_whole_and_needs_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    filled(folder.path());
    let page = folder.path().join("page.html");
    let arguments = [
        "report",
        &folder.path().display().to_string(),
        "--title",
        HOSTILE,
        "--into",
        &page.display().to_string(),
    ];
    let (status, said) = gcrucible(&arguments);
    assert_eq!(status, Some(0), "{said}");
    let html = fs::read_to_string(&page).expect("the page is written");
    check_nesting(&html);
    // No text became an element, and nothing is fetched.
    for forbidden in [
        "<script", "<img", "<link", "<b>", "@import", "url(", " src=\"",
    ] {
        assert!(!html.contains(forbidden), "{forbidden}");
    }
    let ids = values(&html, "id");
    let unique: BTreeSet<&str> = ids.iter().copied().collect();
    assert_eq!(unique.len(), ids.len(), "{ids:?}");
    let links = values(&html, "href");
    assert!(links.len() >= 7, "{links:?}");
    for link in links {
        let id = link
            .strip_prefix('#')
            .unwrap_or_else(|| panic!("{link} leads away"));
        assert!(unique.contains(id), "{link} leads nowhere");
    }
    for label in values(&html, "aria-labelledby") {
        assert!(unique.contains(label), "{label}");
    }
    // Two findings of one cause and one of another: two groups, with a picture each.
    assert_eq!(html.matches("<article").count(), 2);
    assert_eq!(html.matches("class=\"picture\"").count(), 2);
    assert_eq!(html.matches("class=\"object extra\"").count(), 3);
    assert_eq!(html.matches("class=\"plot\"").count(), 3);
    for part in [
        "Programs a second",
        "struct.new",
        "heap_ops",
        "1 of 2",
        "broken.json",
    ] {
        assert!(html.contains(part), "{part}");
    }
    // The same folder gives the same page.
    fs::remove_file(&page).expect("a file");
    gcrucible(&arguments);
    assert_eq!(fs::read_to_string(&page).ok(), Some(html));
}

#[test]
fn a_folder_without_anything_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path().display().to_string();
    let (status, said) = gcrucible(&["report", &at, "--into", "-"]);
    assert_eq!(status, Some(2), "{said}");
    assert!(said.contains("nothing for a page"), "{said}");
    let (status, _) = gcrucible(&["report", "/no/such/folder", "--into", "-"]);
    assert_eq!(status, Some(2));
    let (status, _) = gcrucible(&["report", &at, "--into", "/no/such/folder/page"]);
    assert_eq!(status, Some(3));
}
