//! Cutting, naming and manifests of large files
