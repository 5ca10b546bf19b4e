//! Values and roles as the database keeps them.

use deadzone_contract::Value;
use deadzone_contract::wire::Role;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};

/// A role as the database keeps it.
pub(crate) fn role_name(role: Role) -> &'static str {
    match role {
        Role::Viewer => "viewer",
        Role::Editor => "editor",
        Role::Admin => "admin",
    }
}

/// A role out of the database.
pub(crate) struct StoredRole(pub(crate) Role);

impl FromSql for StoredRole {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<StoredRole> {
        match value.as_str()? {
            "viewer" => Ok(StoredRole(Role::Viewer)),
            "editor" => Ok(StoredRole(Role::Editor)),
            "admin" => Ok(StoredRole(Role::Admin)),
            _ => Err(FromSqlError::InvalidType),
        }
    }
}

/// A value out of a column of type `ANY`.
#[derive(Debug)]
pub(crate) struct StoredValue(pub(crate) Value);

impl FromSql for StoredValue {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<StoredValue> {
        match value {
            ValueRef::Integer(number) => Ok(StoredValue(Value::Int(number))),
            ValueRef::Text(_) => Ok(StoredValue(Value::text(value.as_str()?))),
            ValueRef::Blob(json) => serde_json::from_slice(json)
                .map(|members| StoredValue(Value::Set(members)))
                .map_err(|error| FromSqlError::Other(Box::new(error))),
            ValueRef::Null | ValueRef::Real(_) => Err(FromSqlError::InvalidType),
        }
    }
}

/// A value on its way into a column of type `ANY`.
pub(crate) struct ToStore<'a>(pub(crate) &'a Value);

impl ToSql for ToStore<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self.0 {
            Value::Int(number) => ToSqlOutput::from(*number),
            Value::Text(words) => ToSqlOutput::from(words.as_str()),
            Value::Set(members) => {
                ToSqlOutput::from(serde_json::to_vec(members).expect("a set of strings is JSON"))
            }
        })
    }
}
