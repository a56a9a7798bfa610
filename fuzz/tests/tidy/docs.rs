//! Every module says what lives there.

use crate::tree::{Tree, Violation};

/// Returns the Rust files that do not begin with a doc of their module.
pub fn present(tree: &Tree) -> Vec<Violation> {
    let mut broken = Vec::new();
    for (file, text) in tree.with_extension("rs") {
        match syn::parse_file(text) {
            Ok(parsed) if module_doc(&parsed).trim().is_empty() => {
                broken.push(Violation::new(file, 1, "no `//!` doc"));
            }
            Ok(_) => {}
            Err(error) => broken.push(Violation::new(file, 1, format!("no Rust: {error}"))),
        }
    }
    broken
}

/// Returns the doc of a file's module, a line for each line.
pub fn module_doc(file: &syn::File) -> String {
    let mut doc = String::new();
    for attribute in &file.attrs {
        if let syn::Meta::NameValue(pair) = &attribute.meta
            && pair.path.is_ident("doc")
            && let syn::Expr::Lit(literal) = &pair.value
            && let syn::Lit::Str(text) = &literal.lit
        {
            doc.push_str(&text.value());
            doc.push('\n');
        }
    }
    doc
}

#[test]
fn a_module_without_doc_is_found() {
    let tree = Tree::of(&[
        ("a.rs", "//! What lives here.\nfn f() {}\n"),
        ("b.rs", "/// Only an item's doc.\nfn f() {}\n"),
        ("c.rs", "//!\nfn f() {}\n"),
    ]);
    let broken = crate::tree::shown(&present(&tree));
    assert_eq!(broken, ["b.rs:1: no `//!` doc", "c.rs:1: no `//!` doc"]);
}
