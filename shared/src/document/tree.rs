//! A document's content as a JSON tree: what serde reads domain values from, and what an edit is compared against.

use automerge::{ObjId, ObjType, ROOT, ReadDoc, ScalarValue, Value as Stored};
use serde_json::{Map, Value};

/// Objects within objects that a document may have: root, its maps, their entries.
pub(super) const DEPTH_MAX: usize = 3;

/// Reads the whole document. A null counts as absent, so that fields fall back to their defaults.
pub(super) fn read<D: ReadDoc>(document: &D) -> Value {
    Value::Object(read_map(document, &ROOT, 1))
}

fn read_map<D: ReadDoc>(document: &D, object: &ObjId, depth: usize) -> Map<String, Value> {
    let mut map = Map::new();
    // One pass over the map: asking key by key costs twice as much.
    for item in document.map_range(object, ..) {
        let child = item.id();
        let key = item.key.into_owned();
        let value = match item.value.into_value() {
            Stored::Object(ObjType::Map) if depth < DEPTH_MAX => {
                Value::Object(read_map(document, &child, depth + 1))
            }
            // Written by a newer program, or by nobody that we know: left alone.
            Stored::Object(_) => continue,
            Stored::Scalar(scalar) => match scalar_value(&scalar) {
                Some(value) => value,
                None => continue,
            },
        };
        map.insert(key, value);
    }
    map
}

/// A scalar as JSON; `None` for null and for types that no domain value uses.
pub(super) fn scalar_value(scalar: &ScalarValue) -> Option<Value> {
    match scalar {
        ScalarValue::Str(text) => Some(Value::String(text.to_string())),
        ScalarValue::Int(number) => Some(Value::from(*number)),
        ScalarValue::Uint(number) => Some(Value::from(*number)),
        ScalarValue::Boolean(flag) => Some(Value::from(*flag)),
        ScalarValue::F64(number) => Some(Value::from(*number)),
        ScalarValue::Timestamp(number) => Some(Value::from(*number)),
        _ => None,
    }
}

/// A JSON scalar as Automerge keeps it; `None` for lists and objects.
pub(super) fn scalar_of(value: &Value) -> Option<ScalarValue> {
    match value {
        Value::Null => Some(ScalarValue::Null),
        Value::Bool(flag) => Some(ScalarValue::Boolean(*flag)),
        Value::String(text) => Some(ScalarValue::Str(text.as_str().into())),
        Value::Number(number) => number
            .as_i64()
            .map(ScalarValue::Int)
            .or_else(|| number.as_f64().map(ScalarValue::F64)),
        Value::Array(_) | Value::Object(_) => None,
    }
}
