//! Code blocks of a page for people, so that what it shows is run.

/// A fenced block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The word after the fence: `console`, `json`.
    pub language: String,
    /// What is between the fences.
    pub text: String,
}

impl Block {
    /// The commands of a `console` block: its lines after `$ `, comments cut off.
    pub fn commands(&self) -> impl Iterator<Item = &str> {
        let lines = self.text.lines().filter(|_| self.language == "console");
        lines.filter_map(|line| {
            let command = line.strip_prefix("$ ")?;
            Some(command.split_once(" #").map_or(command, |(command, _)| command).trim())
        })
    }
}

/// The blocks of a page, in order.
#[must_use]
pub fn blocks(page: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut open: Option<Block> = None;
    for line in page.lines() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(language), None) => {
                open = Some(Block { language: language.trim().into(), text: String::new() });
            }
            (Some(_), Some(_)) => found.extend(open.take()),
            (None, Some(block)) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, None) => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read_from_console_blocks_alone() {
        let page = "a\n```console\n$ cargo run   # why\nout\n$ ls\n```\nb\n```json\n$ no\n```\n";
        let blocks = blocks(page);
        assert_eq!(blocks.len(), 2);
        assert_eq!(blocks[0].commands().collect::<Vec<_>>(), ["cargo run", "ls"]);
        assert_eq!(blocks[1].commands().count(), 0);
    }
}
