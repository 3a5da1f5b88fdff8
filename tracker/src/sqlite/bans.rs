//! Bans in the database.

use super::Database;
use crate::bans::{Ban, MadeBy};
use crate::cidr::Cidr;

impl Database {
    /// All bans, those that are over and remembered included.
    pub(super) async fn bans(&self) -> Result<Vec<(Cidr, Ban)>, sqlx::Error> {
        sqlx::query!("SELECT network, made_by, reason, since, until, times FROM bans")
            .fetch_all(&self.pool)
            .await?
            .into_iter()
            .map(|row| {
                let network = row.network.parse();
                let ban = Ban {
                    made_by: match row.made_by.as_str() {
                        "operator" => MadeBy::Operator,
                        _ => MadeBy::Tracker,
                    },
                    reason: row.reason,
                    since: row.since,
                    until: row.until,
                    times: row.times.try_into().unwrap_or(u32::MAX),
                };
                let network = network.map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
                Ok((network, ban))
            })
            .collect()
    }
}

/// Writes a ban, or that there is none of the network.
pub(super) async fn write(
    tx: &mut sqlx::SqliteTransaction<'_>,
    network: &Cidr,
    ban: Option<&Ban>,
) -> Result<(), sqlx::Error> {
    let network = network.to_string();
    let Some(ban) = ban else {
        sqlx::query!("DELETE FROM bans WHERE network = ?", network)
            .execute(&mut **tx)
            .await?;
        return Ok(());
    };
    let made_by = ban.made_by.name();
    sqlx::query!(
        "INSERT INTO bans (network, made_by, reason, since, until, times)
         VALUES (?, ?, ?, ?, ?, ?)
         ON CONFLICT (network) DO UPDATE SET
             made_by = excluded.made_by, reason = excluded.reason, since = excluded.since,
             until = excluded.until, times = excluded.times",
        network,
        made_by,
        ban.reason,
        ban.since,
        ban.until,
        ban.times
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
