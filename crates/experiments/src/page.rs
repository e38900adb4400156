//! One HTML page that needs nothing but itself.

use std::fmt::Write as _;

/// How the page looks, in light and in dark, on paper and on a phone.
const STYLE: &str = include_str!("page/page.css");

/// Sorts the tables that may be sorted, where scripts run.
const SORT: &str = include_str!("page/sort.js");

/// A page as it grows.
pub struct Page {
    body: String,
}

impl Page {
    /// A page with a title and a line below it.
    pub fn new(title: &str, below: &str) -> Self {
        let mut page = Self {
            body: String::new(),
        };
        page.put(&format!(
            "<h1>{}</h1>\n<p>{}</p>\n",
            escaped(title),
            escaped(below)
        ));
        page
    }

    fn put(&mut self, html: &str) {
        self.body.push_str(html);
    }

    /// A heading.
    pub fn section(&mut self, title: &str) {
        self.put(&format!("<h2>{}</h2>\n", escaped(title)));
    }

    /// A paragraph.
    pub fn paragraph(&mut self, text: &str) {
        self.put(&format!("<p>{}</p>\n", escaped(text)));
    }

    /// Lines whose columns stand below one another.
    pub fn preformatted(&mut self, text: &str) {
        self.put(&format!("<pre>{}</pre>\n", escaped(text)));
    }

    /// Opens a row of figures.
    pub fn begin_figures(&mut self) {
        self.put("<div class=\"figures\">\n");
    }

    /// Opens a row of pictures that share its width.
    pub fn begin_row(&mut self) {
        self.put("<div class=\"row\">\n");
    }

    /// Opens a row of larger pictures.
    pub fn begin_large_figures(&mut self) {
        self.put("<div class=\"figures large\">\n");
    }

    /// Closes any of them.
    pub fn end_figures(&mut self) {
        self.put("</div>\n");
    }

    /// An SVG element with its title, its curves' names in their colours, and a note.
    pub fn figure(&mut self, svg: &str, title: &str, names: &[(&str, String)], note: &str) {
        let mut legend = String::new();
        for (name, colour) in names {
            // Infallible: a string grows.
            let _ = write!(
                legend,
                " <span class=\"name\"><span style=\"background:{colour}\"></span>{}</span>",
                escaped(name)
            );
        }
        self.put(&format!(
            "<figure role=\"img\" aria-label=\"{title}\">{svg}<figcaption><b>{title}</b>{legend}<br>{note}</figcaption></figure>\n",
            title = escaped(title),
            note = escaped(note),
        ));
    }

    /// A picture, its bytes inside the page, with words below it.
    pub fn picture(&mut self, jpeg: &[u8], words: &str) {
        use base64::Engine as _;
        let bytes = base64::engine::general_purpose::STANDARD.encode(jpeg);
        self.put(&format!(
            "<figure class=\"picture\"><img alt=\"{words}\" src=\"data:image/jpeg;base64,{bytes}\"><figcaption>{words}</figcaption></figure>\n",
            words = escaped(words),
        ));
    }

    /// A table, the first column of words, the others of numbers.
    pub fn table(&mut self, heads: &[&str], rows: impl Iterator<Item = Vec<String>>) {
        self.table_of_class("", heads, rows);
    }

    /// The same; a click on a column's head sorts by it. Without scripts it is a table like any other.
    pub fn sortable_table(&mut self, heads: &[&str], rows: impl Iterator<Item = Vec<String>>) {
        self.table_of_class(" class=\"sortable\"", heads, rows);
        self.put(&format!("<script>\n{SORT}</script>\n"));
    }

    fn table_of_class(
        &mut self,
        class: &str,
        heads: &[&str],
        rows: impl Iterator<Item = Vec<String>>,
    ) {
        let cells = |tag: &str, cells: Vec<&str>| -> String {
            let cell = |text| format!("<{tag}>{}</{tag}>", escaped(text));
            cells.into_iter().map(cell).collect()
        };
        self.put(&format!(
            "<table{class}>\n<thead><tr>{}</tr></thead>\n",
            cells("th", heads.to_vec())
        ));
        for row in rows {
            let row = row.iter().map(String::as_str).collect();
            self.put(&format!("<tr>{}</tr>\n", cells("td", row)));
        }
        self.put("</table>\n");
    }

    /// The whole document.
    pub fn finish(self, title: &str) -> String {
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n{}</main>\n</body>\n</html>\n",
            escaped(title),
            self.body
        )
    }
}

/// Text as it may stand between tags and in attributes.
fn escaped(text: &str) -> String {
    text.chars().fold(String::new(), |mut escaped, c| {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            _ => escaped.push(c),
        }
        escaped
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_files_is_escaped() {
        let mut page = Page::new("<script>", "a & b");
        page.table(&["x"], [vec!["<b>".to_owned()]].into_iter());
        page.picture(&[0, 1, 2], "\"quoted\"");
        let html = page.finish("t");
        assert!(!html.contains("<script>") && html.contains("&lt;script&gt;"));
        assert!(html.contains("<td>&lt;b&gt;</td>") && html.contains("alt=\"&quot;quoted&quot;\""));
        assert!(html.contains("base64,AAEC"));
    }
}
