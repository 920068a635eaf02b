inherit_defer ${@bb.utils.contains('DISTRO_FEATURES', 'ledger', 'ledger-kernel', '', d)}
