//! ledgerd: wires rooms and adapters
