//! Three-way merge of documents, key by key.
