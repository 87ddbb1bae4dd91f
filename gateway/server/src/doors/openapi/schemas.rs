//! The JSON schemas of `/openapi.json`. A test compares them with what the types really print.

use lockgate_wire::ErrorCode;
use serde_json::{Map, Value, json};

/// An object schema; members named in `optional` may be absent, and no others are there.
fn object(optional: &[&str], members: Value) -> Value {
    let names = members.as_object().map(|members| members.keys().cloned().collect::<Vec<_>>()).unwrap_or_default();
    let required: Vec<String> = names.into_iter().filter(|name| !optional.contains(&name.as_str())).collect();
    json!({"type": "object", "required": required, "properties": members, "additionalProperties": false})
}

fn text(description: &str) -> Value {
    json!({"type": "string", "description": description})
}

fn integer(description: &str) -> Value {
    json!({"type": "integer", "minimum": 0, "description": description})
}

fn boolean(description: &str) -> Value {
    json!({"type": "boolean", "description": description})
}

fn uuid(description: &str) -> Value {
    json!({"type": "string", "format": "uuid", "description": description})
}

fn time(description: &str) -> Value {
    json!({"type": "string", "format": "date-time", "description": description})
}

fn list(items: Value, description: &str) -> Value {
    json!({"type": "array", "items": items, "description": description})
}

fn texts(description: &str) -> Value {
    list(json!({"type": "string"}), description)
}

fn named(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

fn or_null(schema: Value) -> Value {
    json!({"anyOf": [schema, {"type": "null"}]})
}

/// Every schema by name.
pub(super) fn schemas() -> Value {
    let mut schemas = Map::new();
    let parts = [requests(), results(), catalog(), explanation(), health()];
    for part in parts {
        if let Value::Object(part) = part {
            schemas.extend(part);
        }
    }
    Value::Object(schemas)
}

fn requests() -> Value {
    let codes: Vec<&str> = ErrorCode::ALL.iter().map(|code| code.name()).collect();
    json!({
        "QueryRequest": object(&["query_id", "timeout_ms", "max_rows"], json!({
            "sql": text("One read-only SQL statement."),
            "query_id": uuid("The caller's own id for this query; the gateway makes one when absent."),
            "timeout_ms": integer("End the query after this many milliseconds; the gateway's own limit still holds."),
            "max_rows": integer("Return at most this many rows; the result says when it was cut."),
        })),
        "Problem": object(&["hint", "line", "column", "rules", "query_id"], json!({
            "type": text("`urn:lockgate:error:CODE`"),
            "title": text("What the code means."),
            "status": integer("HTTP status."),
            "code": {"type": "string", "enum": codes, "description": "Stable code; never renamed or reused."},
            "detail": text("What happened, in this case."),
            "hint": text("What to do about it."),
            "line": integer("Line in the SQL text, from 1."),
            "column": integer("Column in that line, from 1."),
            "rules": texts("Ids of the policy rules that decided."),
            "query_id": uuid("The query's id, for the operator."),
        })),
    })
}

fn results() -> Value {
    json!({
        "Notice": object(&["column", "rules"], json!({
            "table": text("Full table name."),
            "column": text("Column or struct leaf; absent when the notice is about the table's rows."),
            "treatment": text("A treatment's name, `withheld`, or `rows` for a row rule."),
            "rules": texts("Ids of the policy rules that decided."),
            "text": text("One sentence for a person."),
        })),
        "ResultColumn": object(&["metadata"], json!({
            "name": text("Column name."),
            "type": text("Arrow type."),
            "nullable": boolean("Whether it can hold nulls."),
            "metadata": {"type": "object", "additionalProperties": {"type": "string"}, "description": "What policy did to the column."},
        })),
        "Result": object(&[], json!({
            "query_id": uuid("The query's id."),
            "policy": text("Version of the policy that decided."),
            "columns": list(named("ResultColumn"), "The columns, in order."),
            "notices": list(named("Notice"), "What was treated."),
            "rows": list(json!({"type": "array"}), "One array a row, in the order of the columns. Whole numbers beyond 2^53 - 1 and decimals \
                are strings of digits; NaN and the infinities, dates and times are strings; binary values are hex strings."),
            "row_count": integer("Number of rows."),
            "truncated": boolean("Whether a row limit cut the result."),
        })),
    })
}

fn catalog() -> Value {
    json!({
        "CatalogTable": object(&["comment"], json!({
            "catalog": text("The source's name."),
            "schema": text("Schema within the catalogue."),
            "table": text("Table within the schema."),
            "comment": text("What the table is: from the classification, else from the source if every column is shown."),
            "rows": texts("Names of the row rules that hold for this caller; `all` when every row is visible."),
            "columns": list(named("CatalogColumn"), "Columns in table order."),
        })),
        "CatalogColumn": object(&["data_type", "comment", "rules", "remedy"], json!({
            "name": text("Column name; a struct's leaf is `payload.phone`."),
            "data_type": text("Arrow type as the caller receives it."),
            "comment": text("What the source says of a column that is shown, at most 1,000 characters."),
            "treatment": text("`clear`, another treatment's name, or `withheld`."),
            "rules": texts("Ids of the rules that decided."),
            "remedy": text("What would give more."),
        })),
    })
}

fn explanation() -> Value {
    json!({
        "Explanation": object(&[], json!({
            "policy": text("Policy version."),
            "who": text("Who asks."),
            "roles": texts("Roles, with all roles above them."),
            "purpose": text("Declared purpose."),
            "dc": text("Where the result is delivered."),
            "date": text("The day of the question."),
            "table": text("Full table name."),
            "access": {"type": "string", "enum": ["visible", "withheld"], "description": "Whether the table may be read."},
            "withheld": or_null(named("Withheld")),
            "rows": list(named("RowStep"), "Row rules that are for the table."),
            "always": texts("Duties that always hold, in words."),
            "columns": list(named("ColumnSteps"), "Columns in table order."),
        })),
        "Withheld": object(&[], json!({
            "reason": text("Such as `no rule`, `unclassified` or `no row grant`."),
            "remedy": text("What would give it."),
        })),
        "RowStep": object(&[], json!({
            "name": text("Name of the row rule."),
            "granted": boolean("Whether it is granted."),
            "allowed_by": texts("Rules that allow it."),
            "denied_by": texts("Rules that deny it."),
        })),
        "ColumnSteps": object(&[], json!({
            "column": text("Path of the column."),
            "result": text("Name of the treatment, or `withheld`."),
            "withheld": or_null(named("Withheld")),
            "tags": list(named("TagSteps"), "Each tag with the treatments that were tried."),
            "more": or_null(text("What would show more of it.")),
        })),
        "TagSteps": object(&[], json!({
            "tag": text("The tag."),
            "above": texts("Tags above it."),
            "tried": list(named("TreatmentStep"), "Treatments in the order of asking, up to the one that is given."),
            "gives": or_null(text("The treatment that the tag gives.")),
        })),
        "TreatmentStep": object(&[], json!({
            "treatment": text("The treatment."),
            "allowed": boolean("Whether the rules allow it."),
            "fits": boolean("Whether it works on the type of the column."),
            "allowed_by": texts("Rules that allow it."),
            "denied_by": texts("Rules that deny it."),
        })),
    })
}

fn health() -> Value {
    let refused = object(
        &[],
        json!({
            "errors": integer("Number of errors."),
            "places": texts("`FILE:LINE` of each."),
        }),
    );
    json!({
        "Loaded": object(&["version", "refused"], json!({
            "version": text("Version in force."),
            "loaded_at": time("When it was read."),
            "refused": refused,
        })),
        "Progress": object(&[], json!({
            "query_id": {"type": "string", "format": "uuid"},
            "running": boolean("Whether the caller has a query of this id that runs."),
            "sources": {"type": "array", "items": object(&["parts_done", "parts", "rows", "bytes"], json!({
                "source": text("Name of the source."),
                "state": {"type": "string", "enum": ["queued", "running", "ended"]},
                "parts_done": integer("Pieces of work that are done. Counts are absent where policy hides rows of what is read."),
                "parts": integer("Pieces of work as far as they are known."),
                "rows": integer("Rows that the source has read."),
                "bytes": integer("Bytes that the source has read."),
            }))},
        })),
        "Cancelled": object(&[], json!({
            "query_id": {"type": "string", "format": "uuid"},
            "cancelled": boolean("Whether the caller had a query of this id that ran."),
        })),
        "Health": object(&["version", "policy", "users", "ledger", "sources", "queries"], json!({
            "status": {"type": "string", "enum": ["ok", "degraded", "unavailable"]},
            "version": text("Version of the gateway. This and what follows is for signed-in callers."),
            "policy": named("Loaded"),
            "users": named("Loaded"),
            "ledger": object(&[], json!({"writable": boolean("Whether it can be written.")})),
            "sources": texts("Names of the configured sources."),
            "queries": object(&[], json!({"running": integer("Queries that run."), "queued": integer("Queries that wait.")})),
        })),
    })
}
