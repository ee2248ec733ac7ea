//! Building HTML text: everything that comes from a model is escaped here and nowhere else.

/// HTML under construction.
#[derive(Debug, Default)]
pub(crate) struct Html(String);

impl Html {
    /// Markup of our own.
    pub(crate) fn raw(&mut self, markup: &str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// Text that may hold anything.
    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        for c in text.chars() {
            match c {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                // Control characters are not allowed in HTML; names from files may hold them.
                c if c.is_control() && c != '\n' => self.0.push('\u{fffd}'),
                c => self.0.push(c),
            }
        }
        self
    }

    /// `<tag class="class">text</tag>`, without the attribute where `class` is empty.
    pub(crate) fn element(&mut self, tag: &str, class: &str, text: &str) -> &mut Self {
        let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
        self.raw(&format!("<{tag}{class}>")).text(text).raw(&format!("</{tag}>"))
    }

    /// A section with its heading and a line of explanation, open until [`Html::close_section`].
    pub(crate) fn section(&mut self, id: &str, heading: &str, lead: &str) -> &mut Self {
        self.raw(&format!("<section id=\"{id}\">\n")).element("h2", "", heading);
        if !lead.is_empty() {
            self.element("p", "lead", lead);
        }
        self.raw("\n")
    }

    /// Ends a section.
    pub(crate) fn close_section(&mut self) -> &mut Self {
        self.raw("</section>\n")
    }

    /// The text so far.
    pub(crate) fn finish(self) -> String {
        self.0
    }
}

/// A share of a whole as a percentage for a style attribute, two decimals.
#[allow(clippy::cast_precision_loss, reason = "a width on a screen")]
pub(crate) fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { (part as f64 * 10_000.0 / whole as f64).round() / 100.0 }
}
