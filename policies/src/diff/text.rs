//! A comparison as text for people.

use std::fmt;

use crate::diff::{Affected, Change, Direction, DutyChange, PolicyDiff};

impl fmt::Display for PolicyDiff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "from {} to {}, on {}", self.old, self.new, self.date)?;
        if self.is_empty() {
            return write!(f, "nobody sees anything otherwise than before");
        }
        for direction in [Direction::Gains, Direction::Changes, Direction::Loses] {
            let changes: Vec<&Change> = self.changes.iter().filter(|change| change.direction == direction).collect();
            if changes.is_empty() {
                continue;
            }
            writeln!(f, "\n{}", heading(direction))?;
            for change in changes {
                write!(f, "{change}")?;
            }
        }
        if !self.duties.is_empty() {
            writeln!(f, "\nTables")?;
            for duty in &self.duties {
                writeln!(f, "{duty}")?;
            }
        }
        let verdict = if self.gains_sensitive() {
            "SENSITIVE: somebody gains `special` data, or personal data as it is"
        } else {
            "nobody gains `special` data, or personal data as it is"
        };
        write!(f, "\n{verdict}")
    }
}

fn heading(direction: Direction) -> &'static str {
    match direction {
        Direction::Gains => "Gains (more is shown)",
        Direction::Changes => "Changes (something else is shown)",
        Direction::Loses => "Losses (less is shown)",
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match &self.column {
            Some(column) => format!("{}.{column}", self.table),
            None => format!("rows of {}", self.table),
        };
        let mark = if self.sensitive { "  SENSITIVE" } else { "" };
        writeln!(f, "  {what}: {} -> {}{mark}", self.before, self.after)?;
        for affected in &self.who {
            writeln!(f, "    {affected}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Affected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} for {}, delivered to {}", self.who, self.purpose, self.dcs.join(", "))
    }
}

impl fmt::Display for DutyChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.loosens { " (loosens)" } else { "" };
        write!(f, "  {}: {}{mark}", self.table, self.text)
    }
}
