//! `lockgate policy explain`

use std::path::PathBuf;

use chrono::{NaiveDate, Utc};
use lockgate_policies::{Asker, Env, PolicySet, Principal, Residency, TableName};

use super::super::output::{Failure, Out, shown, tell};
use super::{Form, load};

/// Tell why somebody sees a column, or a table, as they do.
///
/// For each column: its tags, the treatments that were tried from most to least revealing, the rules that allow or deny
/// each, what comes out, and what would give more. For the table: its row rules and what always holds.
///
/// This is the compliance officer's view: it explains hidden tables as well. A gateway gives its callers the
/// same explanation of what they may know of, at /v1/policy/explain.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  lockgate policy explain samples/policy --who alice --purpose analytics --dc eu \\
      --column vertica.crm.riders.email
  lockgate policy explain samples/policy --who new-hire --role fraud_analyst --purpose fraud --dc eu \\
      --column vertica.crm.riders
  lockgate policy explain samples/policy --who ada --purpose audit --dc eu --date 2027-07-01 \\
      --column presto.finance.payments.card_last4 --format json")]
pub(crate) struct Args {
    /// The policy folder.
    dir: PathBuf,
    /// Name of the person, without `user:`.
    #[arg(long, value_name = "NAME")]
    who: String,
    /// A role given by the credentials, without `role:`; those of policy.csv are added. May be repeated.
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<String>,
    /// Declared purpose, without `purpose:`.
    #[arg(long)]
    purpose: String,
    /// Where the result is delivered. Without it: where the table must stay, if it has a residency.
    #[arg(long)]
    dc: Option<String>,
    /// Where the gateway runs. Without it: where the table must stay, else the same as --dc.
    #[arg(long)]
    site: Option<String>,
    /// The day of the question, UTC. Without it: today.
    #[arg(long)]
    date: Option<NaiveDate>,
    /// CATALOG.SCHEMA.TABLE, with .COLUMN or .COLUMN.FIELD for one column.
    #[arg(long, visible_alias = "table")]
    column: String,
    /// Form of the answer.
    #[arg(long, value_enum, default_value_t = Form::Text)]
    format: Form,
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    let (table, column) = split(&args.column)?;
    let set = load(&args.dir)?;
    let residency = match set.table_class(&table).map(|class| &class.residency) {
        Some(Some(Residency::Site(site))) => Some(site.clone()),
        Some(Some(Residency::Column(_)) | None) | None => None,
    };
    if set.table_class(&table).is_none() {
        tell(format!("warning: classification.yaml does not list `{table}`: nobody sees anything of it"));
    }
    if !set.knows_purpose(&args.purpose) {
        let known: Vec<String> = set.purposes().map(|purpose| format!("`{}`", purpose.name)).collect();
        return Err(Failure::refused(format!(
            "the policy knows no purpose `{}`; it knows {}",
            shown(&args.purpose),
            known.join(", ")
        )));
    }
    let Some(dc) = args.dc.or_else(|| residency.clone()) else {
        return Err(Failure::refused(format!(
            "`{table}` has no residency, so say with --dc where the result is delivered"
        )));
    };
    let site = args.site.or(residency).unwrap_or_else(|| dc.clone());
    let today = args.date.unwrap_or_else(|| Utc::now().date_naive());
    let principal = Principal { name: args.who, roles: args.roles.into_iter().collect() };
    let asker = Asker { principal, purpose: args.purpose, env: Env { dc, site, today } };
    print(&set, &asker, &table, column, args.format)
}

fn print(set: &PolicySet, asker: &Asker, table: &TableName, column: Option<&str>, format: Form) -> Result<(), Failure> {
    let explanation = set.explain(asker, table, column, None);
    if explanation.roles.is_empty() {
        let name = shown(&asker.principal.name);
        tell(format!("warning: policy.csv gives `{name}` no role, and no --role was given"));
    }
    let mut out = Out::stdout();
    match format {
        Form::Text => out.line(explanation.to_string().trim_end())?,
        Form::Json => out.line(serde_json::to_string(&explanation).map_err(Failure::failed)?)?,
    }
    out.finish()?;
    match column {
        Some(column) if explanation.columns.is_empty() => {
            let text = format!(
                "classification.yaml lists no column `{}` of `{table}`: it is withheld from everybody",
                shown(column)
            );
            Err(Failure::refused(text))
        }
        Some(_) | None => Ok(()),
    }
}

/// The table and, behind its three parts, the column.
fn split(text: &str) -> Result<(TableName, Option<&str>), Failure> {
    let end_of_table = text.match_indices('.').nth(2).map(|(idx, _)| idx);
    let (table, column) = match end_of_table.and_then(|idx| text.split_at_checked(idx)) {
        Some((table, rest)) => (table, rest.strip_prefix('.')),
        None => (text, None),
    };
    match table.parse() {
        Ok(table) if column != Some("") => Ok((table, column)),
        Ok(_) | Err(_) => Err(Failure::refused(format!(
            "`{}` is not CATALOG.SCHEMA.TABLE or CATALOG.SCHEMA.TABLE.COLUMN",
            shown(text)
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn column_stands_behind_three_parts() {
        let parts = |text| split(text).map(|(table, column)| (table.to_string(), column.map(str::to_owned)));
        assert_eq!(parts("a.b.c").unwrap(), ("a.b.c".to_owned(), None));
        assert_eq!(parts("a.b.c.d").unwrap(), ("a.b.c".to_owned(), Some("d".to_owned())));
        assert_eq!(parts("a.b.c.d.e").unwrap(), ("a.b.c".to_owned(), Some("d.e".to_owned())));
        for text in ["a.b", "a", "", "a.b.c."] {
            assert_eq!(parts(text).unwrap_err().parts().0, 2, "{text}");
        }
    }
}
