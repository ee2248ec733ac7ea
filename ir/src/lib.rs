//! The graph, its types, the op table, the verifier and the text form.
