//! A figure that is asked for as the arguments of a tool that computes it.

use super::{
    question::{Filter, Refusal, Task, refuse},
    schema::{Conditions, Purpose, Tool},
    table::Table,
    vocabulary::Comparison,
};
use serde_json::{Map, Number, Value, json};

/// The arguments with which `tool` answers `task`, or why it cannot.
pub(super) fn fill(tool: &Tool<'_>, task: &Task, table: &Table) -> Result<Value, Refusal> {
    let mut filling = Filling { tool, table, arguments: Map::new() };
    filling.task(task)?;
    filling.rest()?;
    Ok(Value::Object(filling.arguments))
}

struct Filling<'a, 'b> {
    tool: &'a Tool<'b>,
    table: &'a Table,
    arguments: Map<String, Value>,
}

impl Filling<'_, '_> {
    fn column(&self, index: usize) -> Value {
        self.table.columns.get(index).map_or(Value::Null, |column| Value::String(column.name.clone()))
    }

    /// Sets the argument with this purpose; a tool without it cannot do what is asked.
    fn set(&mut self, purpose: &Purpose, value: Value, what: &str) -> Result<(), Refusal> {
        let Some(argument) = self.tool.has(purpose) else {
            return refuse(format!("the tool `{}` cannot {what}", self.tool.definition.id));
        };
        self.arguments.insert(argument.name.clone(), value);
        Ok(())
    }

    fn task(&mut self, task: &Task) -> Result<(), Refusal> {
        let tool = self.tool;
        let name = task.operation.name();
        self.set(&Purpose::Attachment, Value::String(self.table.file.clone()), "read a file")?;
        let operations = tool.find(|purpose| match purpose {
            Purpose::Operations(known) => known.iter().find(|(operation, _)| *operation == task.operation).map(|(_, value)| value.clone()),
            _ => None,
        });
        let Some((argument, value)) = operations else {
            return refuse(format!("the tool `{}` does not compute the {name}", tool.definition.id));
        };
        self.arguments.insert(argument.name.clone(), value);
        if let Some(column) = task.column {
            self.set(&Purpose::Measure, self.column(column), "compute over a column")?;
        }
        if let Some(percentile) = task.percentile {
            let Some((argument, scale)) = tool.find(|purpose| match purpose {
                Purpose::Percentile { scale } => Some(*scale),
                _ => None,
            }) else {
                return refuse(format!("the tool `{}` does not take a percentile", tool.definition.id));
            };
            self.arguments.insert(argument.name.clone(), number(percentile * scale));
        }
        if let Some(group) = task.group {
            self.set(&Purpose::Group, self.column(group), "group")?;
        }
        if let Some(highest) = task.highest {
            self.order(highest)?;
        }
        if let Some(limit) = task.limit {
            self.set(&Purpose::Limit, json!(limit), "limit how many groups it tells")?;
        }
        if !task.filters.is_empty() {
            self.conditions(&task.filters)?;
        }
        Ok(())
    }

    fn order(&mut self, highest: bool) -> Result<(), Refusal> {
        let found = self.tool.find(|purpose| match purpose {
            Purpose::Order { ascending, descending } => Some(if highest { descending.clone() } else { ascending.clone() }),
            _ => None,
        });
        let Some((argument, value)) = found else {
            return refuse(format!("the tool `{}` cannot order its groups", self.tool.definition.id));
        };
        self.arguments.insert(argument.name.clone(), value);
        Ok(())
    }

    fn conditions(&mut self, filters: &[Filter]) -> Result<(), Refusal> {
        let found = self.tool.find(|purpose| match purpose {
            Purpose::Conditions(conditions) => Some(conditions.clone()),
            _ => None,
        });
        let Some((argument, shape)) = found else {
            return refuse(format!("the tool `{}` takes no conditions", self.tool.definition.id));
        };
        let conditions: Vec<Value> = filters.iter().map(|filter| self.condition(filter, &shape)).collect::<Result<_, _>>()?;
        self.arguments.insert(argument.name.clone(), Value::Array(conditions));
        Ok(())
    }

    fn condition(&self, filter: &Filter, shape: &Conditions) -> Result<Value, Refusal> {
        let mut condition = Map::new();
        condition.insert(shape.column.clone(), self.column(filter.column));
        match &shape.comparison {
            Some((name, known)) => {
                let Some((_, value)) = known.iter().find(|(comparison, _)| *comparison == filter.comparison) else {
                    return refuse(format!("the tool `{}` cannot compare in that way", self.tool.definition.id));
                };
                condition.insert(name.clone(), value.clone());
            }
            None if filter.comparison == Comparison::Eq => {}
            None => return refuse(format!("the tool `{}` only compares for equality", self.tool.definition.id)),
        }
        let takes = |kind: &str| shape.types.is_empty() || shape.types.iter().any(|known| known == kind);
        let value = match filter.number {
            Some(value) if takes("number") || (takes("integer") && value.fract() == 0.0) => number(value),
            Some(value) if takes("string") => Value::String(value.to_string()),
            None if takes("string") => Value::String(filter.text.clone()),
            _ => return refuse(format!("the tool `{}` does not take `{}` in a condition", self.tool.definition.id, filter.text)),
        };
        condition.insert(shape.value.clone(), value);
        Ok(Value::Object(condition))
    }

    /// What is required and still missing must have a default.
    fn rest(&mut self) -> Result<(), Refusal> {
        for argument in self.tool.arguments.iter().filter(|argument| argument.required) {
            if self.arguments.contains_key(&argument.name) {
                continue;
            }
            let Some(default) = &argument.default else {
                return refuse(format!(
                    "the request does not say the `{}` that the tool `{}` needs",
                    argument.name, self.tool.definition.id
                ));
            };
            self.arguments.insert(argument.name.clone(), default.clone());
        }
        Ok(())
    }
}

/// A whole number without a fraction, as people write it.
pub(super) fn number(value: f64) -> Value {
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() <= EXACT_MAX {
        #[expect(clippy::cast_possible_truncation, reason = "whole and below 2^53, as just checked")]
        return json!(value as i64);
    }
    Number::from_f64(value).map_or(Value::Null, Value::Number)
}
