//! Adapters: iroh endpoint, discovery on the LAN.
