//! OCI images in, containers out, by libcontainer in a helper process of its own
