//! Manifest, wire types of the local API and the client library for dapps
