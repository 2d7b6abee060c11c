//! The document as written: spanned tree, parse, templates, schema.
