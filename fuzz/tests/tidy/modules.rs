//! The modules of our packages: their files, and what the names in them refer to.
//!
//! Names are followed as far as reading order needs it: through `use`, `pub use` and globs, to the
//! file that declares an item. Names that a macro declares belong to the file that invokes it.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Spacing, TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use crate::docs::module_doc;
use crate::tree::Tree;

/// The place of a module below its crate's root.
pub type ModulePath = Vec<String>;

/// The modules of one crate, those for tests left out.
#[derive(Debug, Default)]
pub struct Crate {
    pub modules: BTreeMap<ModulePath, Module>,
}

/// A module that is a file.
#[derive(Debug)]
pub struct Module {
    pub file: String,
    pub doc: String,
    /// Modules declared here that are files of their own, in order.
    pub children: Vec<String>,
    /// Items declared here.
    items: BTreeSet<String>,
    imports: Vec<Import>,
    /// Every path in the code, those of imports included, that could lead into this crate.
    pub paths: Vec<Reference>,
}

/// A name that a `use` brings in.
#[derive(Debug)]
struct Import {
    /// No name for a glob.
    name: Option<String>,
    path: Vec<String>,
}

/// A path and where it stands.
#[derive(Clone, Debug)]
pub struct Reference {
    pub path: Vec<String>,
    pub line: usize,
    /// Part of a `pub use`.
    pub exported: bool,
}

/// What a path leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    Module(ModulePath),
    /// An item, by the module that declares it.
    Item(ModulePath),
}

impl Target {
    /// Returns the module that is, or declares, the target.
    pub fn module(&self) -> &ModulePath {
        match self {
            Target::Module(path) | Target::Item(path) => path,
        }
    }
}

/// Reads the crates of a tree: those of `src/lib.rs` and `src/main.rs`.
pub fn crates(tree: &Tree) -> Vec<Crate> {
    let roots = tree
        .files
        .keys()
        .filter(|file| file.ends_with("src/lib.rs") || file.ends_with("src/main.rs"));
    roots
        .map(|root| {
            let mut found = Crate::default();
            found.read(tree, Vec::new(), root);
            found
        })
        .collect()
}

impl Crate {
    fn read(&mut self, tree: &Tree, path: ModulePath, file: &str) {
        let Some(Ok(parsed)) = tree.files.get(file).map(|text| syn::parse_file(text)) else {
            return;
        };
        let module = Module::of(file, &parsed);
        let (folder, name) = file.rsplit_once('/').unwrap_or(("", file));
        let below = match name {
            "lib.rs" | "main.rs" | "mod.rs" => folder.to_owned(),
            _ => file.trim_end_matches(".rs").to_owned(),
        };
        for child in &module.children {
            let mut path = path.clone();
            path.push(child.clone());
            let alone = format!("{below}/{child}.rs");
            let inside = format!("{below}/{child}/mod.rs");
            let file = if tree.files.contains_key(&alone) {
                alone
            } else {
                inside
            };
            self.read(tree, path, &file);
        }
        self.modules.insert(path, module);
    }

    /// Returns what `path`, as it stands in the module `from`, leads to in this crate.
    pub fn resolve(&self, from: &[String], path: &[String]) -> Option<Target> {
        self.follow(from, path, 0)
    }

    fn follow(&self, from: &[String], path: &[String], depth: usize) -> Option<Target> {
        // In code that does not compile, imports by name may form a circle.
        if depth > 8 {
            return None;
        }
        let mut base = from.to_vec();
        let mut rest = path;
        match path.first()?.as_str() {
            "crate" => base.clear(),
            "self" => {}
            "super" => drop(base.pop()?),
            first => {
                let children = &self.modules.get(from)?.children;
                let is_child = children.iter().any(|child| child == first);
                return is_child.then(|| self.walk(base, path, depth)).flatten();
            }
        }
        rest = &rest[1..];
        while let Some((first, others)) = rest.split_first()
            && first == "super"
        {
            base.pop()?;
            rest = others;
        }
        self.walk(base, rest, depth)
    }

    fn walk(&self, mut at: ModulePath, path: &[String], depth: usize) -> Option<Target> {
        for name in path {
            match self.look_up(&at, name, depth, &mut BTreeSet::new()) {
                Some(Target::Module(module)) => at = module,
                Some(item) => return Some(item),
                // A macro declares it, or another package does.
                None => return Some(Target::Item(at)),
            }
        }
        self.modules.contains_key(&at).then_some(Target::Module(at))
    }

    /// Returns what `name` means in the module `at`. `seen` are the modules already asked.
    fn look_up(
        &self,
        at: &ModulePath,
        name: &str,
        depth: usize,
        seen: &mut BTreeSet<ModulePath>,
    ) -> Option<Target> {
        let module = self.modules.get(at)?;
        if !seen.insert(at.clone()) {
            return None;
        }
        if module.children.iter().any(|child| child == name) {
            let mut child = at.clone();
            child.push(name.to_owned());
            return Some(Target::Module(child));
        }
        if module.items.contains(name) {
            return Some(Target::Item(at.clone()));
        }
        let named = |import: &&Import| import.name.as_deref() == Some(name);
        if let Some(import) = module.imports.iter().find(named) {
            return self.follow(at, &import.path, depth + 1);
        }
        let globs = module.imports.iter().filter(|import| import.name.is_none());
        globs
            .filter_map(|glob| self.follow(at, &glob.path, depth + 1))
            .find_map(|source| self.look_up(source.module(), name, depth, seen))
    }
}

impl Module {
    fn of(file: &str, parsed: &syn::File) -> Module {
        let mut reader = Reader::default();
        for item in &parsed.items {
            reader.declare(item);
            reader.visit_item(item);
        }
        Module {
            file: file.to_owned(),
            doc: module_doc(parsed),
            children: reader.children,
            items: reader.items,
            imports: reader.imports,
            paths: reader.paths,
        }
    }
}

/// Reads one file.
#[derive(Default)]
struct Reader {
    children: Vec<String>,
    items: BTreeSet<String>,
    imports: Vec<Import>,
    paths: Vec<Reference>,
    /// How many inline modules are open.
    depth: usize,
}

impl Reader {
    /// Notes an item at the top of the file.
    fn declare(&mut self, item: &syn::Item) {
        use syn::Item;
        let name = match item {
            Item::Const(item) => &item.ident,
            Item::Enum(item) => &item.ident,
            Item::Fn(item) => &item.sig.ident,
            Item::Static(item) => &item.ident,
            Item::Struct(item) => &item.ident,
            Item::Trait(item) => &item.ident,
            Item::Type(item) => &item.ident,
            Item::Union(item) => &item.ident,
            Item::Mod(item) if item.content.is_some() => &item.ident,
            Item::Mod(item) if !for_tests(&item.attrs) => {
                self.children.push(item.ident.to_string());
                return;
            }
            Item::Macro(item) => match &item.ident {
                Some(name) => name,
                None => return,
            },
            Item::Use(item) if !for_tests(&item.attrs) => {
                let mut leaves = Vec::new();
                flatten(&item.tree, &mut Vec::new(), &mut leaves);
                self.imports.extend(leaves);
                return;
            }
            _ => return,
        };
        self.items.insert(name.to_string());
    }

    /// Notes a path, unless it stays inside of the file.
    fn note(&mut self, mut path: Vec<String>, line: usize, exported: bool) {
        let up = path
            .iter()
            .take_while(|name| *name == "super" || *name == "self")
            .count();
        let supers = path[..up].iter().filter(|name| *name == "super").count();
        if self.depth > 0 && up > 0 {
            if supers < self.depth {
                return;
            }
            let outside = vec!["super".to_owned(); supers - self.depth];
            path.splice(..up, outside);
        }
        if path.is_empty() {
            return;
        }
        self.paths.push(Reference {
            path,
            line,
            exported,
        });
    }

    /// Notes the paths in the tokens of a macro.
    fn scan(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            match &tokens[at] {
                TokenTree::Group(group) => self.scan(group.stream()),
                TokenTree::Ident(first) => {
                    let line = first.span().start().line;
                    let mut path = vec![first.to_string()];
                    while let (
                        Some(TokenTree::Punct(one)),
                        Some(TokenTree::Punct(two)),
                        Some(TokenTree::Ident(next)),
                    ) = (tokens.get(at + 1), tokens.get(at + 2), tokens.get(at + 3))
                        && one.as_char() == ':'
                        && one.spacing() == Spacing::Joint
                        && two.as_char() == ':'
                    {
                        path.push(next.to_string());
                        at += 3;
                    }
                    if path.len() > 1 {
                        self.note(path, line, false);
                    }
                }
                _ => {}
            }
            at += 1;
        }
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        if !for_tests(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        if !for_tests(&item.attrs) {
            visit::visit_impl_item_fn(self, item);
        }
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.depth += 1;
        visit::visit_item_mod(self, item);
        self.depth -= 1;
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let mut leaves = Vec::new();
        flatten(&item.tree, &mut Vec::new(), &mut leaves);
        let exported = !matches!(item.vis, syn::Visibility::Inherited);
        let line = item.span().start().line;
        for leaf in leaves {
            self.note(leaf.path, line, exported);
        }
    }

    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.segments.len() > 1 {
            let names = path.segments.iter().map(|s| s.ident.to_string()).collect();
            self.note(names, path.span().start().line, false);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, invoked: &'ast syn::Macro) {
        self.visit_path(&invoked.path);
        self.scan(invoked.tokens.clone());
    }
}

/// Adds what a `use` brings in, name by name.
fn flatten(tree: &syn::UseTree, path: &mut Vec<String>, leaves: &mut Vec<Import>) {
    let leaf = |name: Option<String>, path: &[String]| Import {
        name,
        path: path.to_vec(),
    };
    match tree {
        syn::UseTree::Path(step) => {
            path.push(step.ident.to_string());
            flatten(&step.tree, path, leaves);
            path.pop();
        }
        syn::UseTree::Name(end) if end.ident == "self" => {
            leaves.push(leaf(path.last().cloned(), path));
        }
        syn::UseTree::Name(end) => {
            path.push(end.ident.to_string());
            leaves.push(leaf(path.last().cloned(), path));
            path.pop();
        }
        syn::UseTree::Rename(end) => {
            if end.ident != "self" {
                path.push(end.ident.to_string());
            }
            leaves.push(leaf(Some(end.rename.to_string()), path));
            if end.ident != "self" {
                path.pop();
            }
        }
        syn::UseTree::Glob(_) => leaves.push(leaf(None, path)),
        syn::UseTree::Group(group) => {
            for tree in &group.items {
                flatten(tree, path, leaves);
            }
        }
    }
}

/// Returns true if an item with these attributes exists in builds for tests only.
fn for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let syn::Meta::List(list) = &attribute.meta else {
            return attribute.path().is_ident("test");
        };
        let words: String = list.tokens.to_string().split_whitespace().collect();
        list.path.is_ident("cfg") && (words == "test" || words.starts_with("all(test,"))
    })
}

fn attributes(item: &syn::Item) -> &[syn::Attribute] {
    use syn::Item;
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Vec<String> {
        text.split("::").map(str::to_owned).collect()
    }

    #[test]
    fn names_are_followed_to_the_file_that_declares_them() {
        let tree = Tree::of(&[
            (
                "p/src/lib.rs",
                "mod a; mod b; pub use a::*; pub use b::deep::Other as Renamed; fn own() {}",
            ),
            ("p/src/a.rs", "pub struct Thing;"),
            ("p/src/b/mod.rs", "pub mod deep;"),
            (
                "p/src/b/deep.rs",
                "pub struct Other; #[cfg(test)] mod tests { use super::*; }",
            ),
        ]);
        let krate = &crates(&tree)[0];
        let to = |from: &str, name: &str| {
            let from = if from.is_empty() {
                Vec::new()
            } else {
                path(from)
            };
            krate
                .resolve(&from, &path(name))
                .map(|t| t.module().join("::"))
        };
        assert_eq!(to("b::deep", "crate::Thing").as_deref(), Some("a"));
        assert_eq!(to("a", "super::Renamed").as_deref(), Some("b::deep"));
        assert_eq!(to("b::deep", "super::super::own").as_deref(), Some(""));
        assert_eq!(to("", "b::deep::Other").as_deref(), Some("b::deep"));
        assert_eq!(to("", "std::fmt"), None);
        assert!(krate.modules[&path("b::deep")].paths.is_empty());
    }

    #[test]
    fn paths_in_macros_and_inline_modules_are_noted() {
        let tree = Tree::of(&[(
            "p/src/lib.rs",
            "mod inner { use super::a::B; use super::super::no; }\nfn f() { m!(x, crate::c::d()); }",
        )]);
        let krate = &crates(&tree)[0];
        let noted: Vec<String> = krate.modules[&Vec::new()]
            .paths
            .iter()
            .map(|r| r.path.join("::"))
            .collect();
        assert_eq!(noted, ["a::B", "super::no", "crate::c::d"]);
    }
}
