//! An explanation as text for people.

use std::fmt;

use crate::explain::{ColumnSteps, Explanation, RowStep, TagSteps, TreatmentStep};

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "table    {}", self.table)?;
        writeln!(f, "asked by {} for {}, delivered to {}, on {}", self.who, self.purpose, self.dc, self.date)?;
        writeln!(f, "roles    {}", list_or(&self.roles, "none"))?;
        writeln!(f, "policy   {}", self.policy)?;
        writeln!(f)?;
        match &self.withheld {
            Some(withheld) => {
                writeln!(f, "{}: {}", self.access, withheld.reason)?;
                writeln!(f, "  to get it: {}", withheld.remedy)?;
            }
            None => writeln!(f, "{}", self.access)?,
        }
        for row in &self.rows {
            write!(f, "{row}")?;
        }
        for duty in &self.always {
            writeln!(f, "  always: {duty}")?;
        }
        for column in &self.columns {
            write!(f, "\n{column}")?;
        }
        Ok(())
    }
}

impl fmt::Display for RowStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let answer = answer(self.granted, true, &self.allowed_by, &self.denied_by);
        writeln!(f, "  rows `{}`: {answer}", self.name)
    }
}

impl fmt::Display for ColumnSteps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.withheld {
            Some(withheld) => writeln!(f, "{}: {} ({})", self.column, self.result, withheld.reason)?,
            None => writeln!(f, "{}: {}", self.column, self.result)?,
        }
        for tag in &self.tags {
            write!(f, "{tag}")?;
        }
        if self.tags.len() > 1 {
            writeln!(f, "  the strictest of its tags holds")?;
        }
        match (&self.withheld, &self.more) {
            (Some(withheld), _) => writeln!(f, "  to get it: {}", withheld.remedy),
            (None, Some(more)) => writeln!(f, "  to see more: {more}"),
            (None, None) => Ok(()),
        }
    }
}

impl fmt::Display for TagSteps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "  tag `{}`", self.tag)?;
        if !self.above.is_empty() {
            write!(f, " (under {})", self.above.join(", "))?;
        }
        writeln!(f)?;
        for step in &self.tried {
            writeln!(f, "    {step}")?;
        }
        Ok(())
    }
}

impl fmt::Display for TreatmentStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<13} {}", self.treatment, answer(self.allowed, self.fits, &self.allowed_by, &self.denied_by))
    }
}

fn answer(allowed: bool, fits: bool, allowed_by: &[String], denied_by: &[String]) -> String {
    let allowing = allowed_by.join(", ");
    match (allowed, fits, allowed_by.is_empty(), denied_by.is_empty()) {
        (true, true, _, _) => format!("allowed by {allowing}"),
        (true, false, _, _) => format!("allowed by {allowing}, but does not work on this type"),
        (false, _, false, false) => format!("denied by {}, although {allowing} would allow it", denied_by.join(", ")),
        (false, _, true, false) => format!("denied by {}", denied_by.join(", ")),
        // casbin itself failed, which denies.
        (false, _, false, true) => "denied, because the judge failed".to_owned(),
        (false, _, true, true) => "no rule allows it".to_owned(),
    }
}

fn list_or(names: &[String], none: &str) -> String {
    if names.is_empty() { none.to_owned() } else { names.join(", ") }
}
