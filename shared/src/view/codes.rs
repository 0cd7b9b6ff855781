//! How the domain's codes stand in SQL columns: as the text that documents hold.

use rusqlite::types::{FromSql, FromSqlResult, ToSql, ToSqlOutput, ValueRef};

use crate::domain::codes::{
    AgeBand, Attendance, Autonomy, Channel, Equipment, Gender, Level, Outcome, RegistrationStatus,
    Role, SessionState, SocialStatus, Theme,
};
use crate::domain::seats::ToTell;

macro_rules! columns {
    ($($name:ident)*) => {$(
        impl ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(self.code().into())
            }
        }

        impl FromSql for $name {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                Ok(Self::from_code(value.as_str()?).unwrap_or_default())
            }
        }
    )*};
}

columns! {
    AgeBand Attendance Autonomy Channel Equipment Gender Level Outcome RegistrationStatus Role
    SessionState SocialStatus Theme ToTell
}
