//! The shape in which an app has its data: that of the present schema, or of the one before.
//!
//! The server itself knows the present names only. What an older app sends is translated when it
//! comes in, and what it gets when it goes out, so that a mutation is the same one whether its app
//! sends it before or after its own upgrade.

use axum::http::HeaderMap;
use deadzone_contract::Code;
use deadzone_contract::rules::{self, EntityDecl};
use deadzone_contract::wire::{
    FieldResult, HEADER_CLIENT_VERSION, HEADER_SCHEMA_VERSION, Mutation, MutationKind, MutationResult,
    Outcome, PulledChange, SCHEMA_VERSION, SCHEMA_VERSION_MIN, ServerRecord,
};
use rusqlite::{Connection, OptionalExtension};

use crate::App;
use crate::failure::Failure;
use crate::headers;
use crate::policy::Versions;

/// The schema that an app speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape(u32);

impl Shape {
    /// The newest.
    pub(crate) const PRESENT: Shape = Shape(SCHEMA_VERSION);

    /// Agrees with an app on the schema that is spoken. Headers that are missing count as those of
    /// the newest app.
    ///
    /// # Errors
    /// The app is older than the server serves, or newer than it knows.
    pub(crate) fn agree(app: &App, headers: &HeaderMap) -> Result<Shape, Failure> {
        if app.policy.versions == Versions::Ignored {
            return Ok(Shape::PRESENT);
        }
        let oldest = app.parameters.app_version_min;
        // One that is no whole number, such as `0.1.0`, says nothing of a schema.
        let version = headers::number(headers, HEADER_CLIENT_VERSION).unwrap_or(None);
        if let Some(version) = version.filter(|version| *version < oldest) {
            let detail = format!("apps are served from version {oldest} on, and this one is {version}");
            return Err(too_old(&detail));
        }
        let newest = u64::from(SCHEMA_VERSION);
        let schema = headers::number(headers, HEADER_SCHEMA_VERSION)?.unwrap_or(newest);
        if schema > newest {
            let detail = format!("schema {schema} is not known here; the newest is {newest}");
            return Err(Failure::malformed(detail));
        }
        let age_ms = app.now_ms().saturating_sub(app.started_ms);
        let tolerated = schema >= u64::from(SCHEMA_VERSION_MIN) && age_ms < app.parameters.schema_tolerance;
        match u32::try_from(schema) {
            Ok(schema) if schema == SCHEMA_VERSION || tolerated => Ok(Shape(schema)),
            _ => {
                Err(too_old(&format!("schema {schema} is not served any more; the present one is {newest}")))
            }
        }
    }

    /// What a pull says, in this shape.
    pub(crate) fn outward(self, change: PulledChange) -> PulledChange {
        match change {
            PulledChange::Record(record) if self.is_old() => PulledChange::Record(self.record(record)),
            same => same,
        }
    }

    /// How to read one mutation, and how to answer it.
    pub(crate) fn translation(
        self,
        db: &Connection,
        mutation: &Mutation,
    ) -> rusqlite::Result<Option<Translation>> {
        if !self.is_old() {
            return Ok(None);
        }
        let entity = match &mutation.kind {
            MutationKind::Create { entity, .. } => Some(entity.clone()),
            MutationKind::Update | MutationKind::Delete { .. } => db
                .prepare_cached("SELECT entity FROM records WHERE id = ?1")?
                .query_row([&mutation.record.0], |row| row.get(0))
                .optional()?,
        };
        let entity = entity.and_then(|entity| rules::entity(&entity));
        Ok(entity.map(|entity| Translation { shape: self, entity }))
    }

    fn is_old(self) -> bool {
        self.0 < SCHEMA_VERSION
    }

    /// Fields that the app does not know are left out.
    fn record(self, mut record: ServerRecord) -> ServerRecord {
        let Some(entity) = rules::entity(&record.entity) else { return record };
        let name = |field: &str| Some(entity.field(field)?.name_in(self.0)?.to_owned());
        record.fields =
            record.fields.into_iter().filter_map(|(field, value)| Some((name(&field)?, value))).collect();
        record.conflicts.retain_mut(|open| match name(&open.field) {
            Some(name) => {
                open.field = name;
                true
            }
            None => false,
        });
        record
    }
}

/// Pending work is kept by whoever reads this code.
fn too_old(why: &str) -> Failure {
    Failure::new(426, Code::ClientTooOld, format!("{why}; upgrade the app, pending work is kept"))
}

/// Between the names of an older app and the present ones, for the fields of one record.
pub(crate) struct Translation {
    shape: Shape,
    entity: &'static EntityDecl,
}

impl Translation {
    /// A mutation in the present names. A field that the app cannot know gets a name that nothing
    /// has, also where the present schema has one of that name: it means something else.
    pub(crate) fn inward(&self, mut mutation: Mutation) -> Mutation {
        let Shape(schema) = self.shape;
        let name = |field: String| match self.entity.field_in(schema, &field) {
            Some(decl) => decl.name.to_owned(),
            None => format!("{field} (schema {schema})"),
        };
        mutation.fields = mutation.fields.into_iter().map(|(field, op)| (name(field), op)).collect();
        mutation
    }

    /// The answer in the app's own names.
    pub(crate) fn outward(&self, mut result: MutationResult) -> MutationResult {
        if let Outcome::Done { fields } = result.outcome {
            let name = |field: &str| Some(self.entity.field(field)?.name_in(self.shape.0)?.to_owned());
            let translated = fields.into_iter().filter_map(|(field, mut told)| {
                let name = name(&field)?;
                if let FieldResult::Conflict { open } = &mut told {
                    open.field.clone_from(&name);
                }
                Some((name, told))
            });
            result.outcome = Outcome::Done { fields: translated.collect() };
        }
        result.state = result.state.map(|state| self.shape.record(state));
        result
    }
}
