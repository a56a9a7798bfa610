//! The types that a module's instructions allocate.
//!
//! Always: what cannot be read allocates nothing. No engine runs it.

use std::collections::BTreeSet;

use wasmparser::{ElementItems, Operator, OperatorsReader, Parser, Payload, TableInit};

/// Returns the types, by their indices in the module.
pub fn types(wasm: &[u8]) -> BTreeSet<u32> {
    let mut found = BTreeSet::new();
    let payloads = Parser::new(0).parse_all(wasm);
    for payload in payloads.map_while(Result::ok) {
        match payload {
            Payload::GlobalSection(section) => {
                for global in section.into_iter().map_while(Result::ok) {
                    within(global.init_expr.get_operators_reader(), &mut found);
                }
            }
            Payload::TableSection(section) => {
                for table in section.into_iter().map_while(Result::ok) {
                    if let TableInit::Expr(init) = table.init {
                        within(init.get_operators_reader(), &mut found);
                    }
                }
            }
            Payload::ElementSection(section) => {
                for segment in section.into_iter().map_while(Result::ok) {
                    if let ElementItems::Expressions(_, items) = segment.items {
                        for item in items.into_iter().map_while(Result::ok) {
                            within(item.get_operators_reader(), &mut found);
                        }
                    }
                }
            }
            Payload::CodeSectionEntry(body) => {
                if let Ok(operators) = body.get_operators_reader() {
                    within(operators, &mut found);
                }
            }
            _ => {}
        }
    }
    found
}

fn within(operators: OperatorsReader<'_>, found: &mut BTreeSet<u32>) {
    for operator in operators.into_iter().map_while(Result::ok) {
        found.extend(match operator {
            Operator::StructNew { struct_type_index }
            | Operator::StructNewDefault { struct_type_index } => Some(struct_type_index),
            Operator::ArrayNew { array_type_index }
            | Operator::ArrayNewDefault { array_type_index }
            | Operator::ArrayNewFixed {
                array_type_index, ..
            }
            | Operator::ArrayNewData {
                array_type_index, ..
            }
            | Operator::ArrayNewElem {
                array_type_index, ..
            } => Some(array_type_index),
            _ => None,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_that_allocates_is_seen() {
        let text = "(module
                (type $a (array i8)) (type $b (array (mut anyref))) (type $c (array i32))
                (type $d (struct)) (type $e (struct (field i32))) (type $f (struct))
                (type $never (struct (field i64))) (type $g (array i64)) (type $h (array f32))
                (global anyref (array.new_fixed $a 0))
                (table 1 anyref (array.new_default $b (i32.const 1)))
                (elem anyref (item (struct.new $d)))
                (data \"\") (elem $s anyref)
                (func
                    (drop (struct.new $e (i32.const 0)))
                    (block (br 0) (drop (struct.new_default $f)))
                    (drop (array.new $c (i32.const 0) (i32.const 0)))
                    (drop (array.new_data $g 0 (i32.const 0) (i32.const 0)))
                    (drop (array.new_elem $b $s (i32.const 0) (i32.const 0))))
                (func (param (ref null $never)))
                (func (drop (array.new_default $h (i32.const 0)))))";
        let buffer = wast::parser::ParseBuffer::new(text).expect("words");
        let mut wat = wast::parser::parse::<wast::Wat<'_>>(&buffer).expect("a module");
        let wasm = wat.encode().expect("a binary");
        assert_eq!(
            types(&wasm).into_iter().collect::<Vec<_>>(),
            [0, 1, 2, 3, 4, 5, 7, 8]
        );
        assert!(types(b"\0asm").is_empty());
    }
}
