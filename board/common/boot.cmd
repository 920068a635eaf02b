# The one boot script of every board with U-Boot: count the attempt, save the count, start the slot's own script.
#
# What it keeps is in docs/formats/slots.md. firmware/slots says the same in Rust (`Slots::boot`, `UBoot::save`), and its
# test tests/uboot.rs runs this text in U-Boot, from every state. It is written once and never updated on a card:
# whatever a new kernel needs goes into slot.scr, which lies in the slot.
#
# Used are only commands that all of Debian's builds have. The BeagleBone's has no `setexpr`, so there is no
# arithmetic: counters and flags go by cases, and addresses are spelled with their upper digits, ${m}.

# 512 KiB that U-Boot leaves alone (where an initramfs would go, and we have none): 0000 and 2000 the copies, 4000
# checksums, 6000 what was read back, 8000 and up what is exported (which clears as much as U-Boot's own environment has).
if test "${board}" = "am335x"; then setenv m 0x8808
elif test "${board}" = "rpi"; then setenv m 0x0270
else setenv m 0x4400; fi

# The copies of the state are partitions 2 and 3. What cannot be read stays zero, and is no copy then.
env delete -f at_0 at_2 valid_0 valid_2 use slot
part start ${devtype} ${devnum} 2 at_0
part start ${devtype} ${devnum} 3 at_2
mw.b ${m}0000 0 4000
${devtype} read ${m}0000 ${at_0} 10
${devtype} read ${m}2000 ${at_2} 10

# A checksum at 4000, as crc32 leaves it, to 4004 with its least byte first. Most builds leave the greatest byte first, those without
# CONFIG_HASH (the Raspberry Pi's) the processor's own word of 4 or 8 bytes. That of one zero byte is d202ef8d.
mw.b ${m}4000 0 10
crc32 ${m}4008 1 ${m}4000
if itest.b *${m}4000 -eq d2; then
    setenv least_first 'cp.b ${m}4000 ${m}4007 1; cp.b ${m}4001 ${m}4006 1; cp.b ${m}4002 ${m}4005 1; cp.b ${m}4003 ${m}4004 1'
else
    setenv least_first 'cp.b ${m}4000 ${m}4004 4'
fi

# The checksum of copy ${c}.
setenv sum 'crc32 ${m}${c}005 1ffb ${m}4000; run least_first'
setenv check 'run sum; cmp.b ${m}4004 ${m}${c}000 4'
setenv c 0; if run check; then setenv valid_0 yes; fi
setenv c 2; if run check; then setenv valid_2 yes; fi

# Of two whole copies the one with the greater flag is newer, and 0 is newer than 255.
if test "${valid_0}${valid_2}" = "yesyes"; then
    setenv use 0
    if itest.b *${m}2004 -gt *${m}0004; then setenv use 2; fi
    if itest.b *${m}0004 -eq ff && itest.b *${m}2004 -eq 0; then setenv use 2; fi
    if itest.b *${m}2004 -eq ff && itest.b *${m}0004 -eq 0; then setenv use 0; fi
elif test "${valid_0}" = "yes"; then setenv use 0
elif test "${valid_2}" = "yes"; then setenv use 2; fi

setenv vars BOOT_A_LEFT BOOT_B_LEFT BOOT_GOOD BOOT_NOTE BOOT_ORDER
env delete -f ${vars}
if test -n "${use}"; then env import -b ${m}${use}005 1ffb ${vars}; fi
test -n "${BOOT_ORDER}" || setenv BOOT_ORDER A B
test -n "${BOOT_A_LEFT}" || setenv BOOT_A_LEFT 3
test -n "${BOOT_B_LEFT}" || setenv BOOT_B_LEFT 3

# The first slot of the order that has an attempt left, and it has one less then.
setenv less 'if test "${left}" = "3"; then setenv left 2; elif test "${left}" = "2"; then setenv left 1; else setenv left 0; fi'
setenv try_A 'if test "${BOOT_A_LEFT}" != "0"; then setenv slot A; setenv left ${BOOT_A_LEFT}; run less; setenv BOOT_A_LEFT ${left}; fi'
setenv try_B 'if test "${BOOT_B_LEFT}" != "0"; then setenv slot B; setenv left ${BOOT_B_LEFT}; run less; setenv BOOT_B_LEFT ${left}; fi'
setenv choose 'for s in ${BOOT_ORDER}; do if test -z "${slot}"; then run try_${s}; fi; done'
run choose
if test -z "${slot}"; then
    # All are used up: better another round of all than a box that does not boot.
    for s in ${BOOT_ORDER}; do setenv BOOT_${s}_LEFT 3; done
    run choose
fi
if test -z "${slot}"; then
    # An order that names no slot: nobody writes one.
    setenv BOOT_ORDER A B; setenv BOOT_A_LEFT 3; setenv BOOT_B_LEFT 3
    run choose
fi

# The new state goes over the copy that is not in use, with a flag that is newer than that of the one in use.
setenv c 0
if test "${use}" = "0"; then setenv c 2; fi
if test -z "${use}"; then setenv flag 1; mw.b ${m}2004 0 1
elif itest.b *${m}${use}004 -eq ff; then setenv flag 0
elif itest.b *${m}${use}004 -eq 0; then setenv flag 1
elif itest.b *${m}${use}004 -eq fe; then setenv flag ff
elif test "${c}" = "2"; then setenv flag fe
else setenv flag ff; fi
mw.b ${m}${c}004 ${flag} 1

setenv put 'setenv at ${at_0}; if test "${c}" = "2"; then setenv at ${at_2}; fi; env export -b -s 1ffb ${m}8005 ${vars}; cp.b ${m}8005 ${m}${c}005 1ffb; run sum; cp.b ${m}4004 ${m}${c}000 4; ${devtype} write ${m}${c}000 ${at} 10 && ${devtype} read ${m}6000 ${at} 10 && cmp.b ${m}${c}000 ${m}6000 2000'
setenv saved no
if run put; then setenv saved yes
else
    # That copy cannot be written any more. A count that stands still would try a bad slot for ever, so the other goes.
    if test "${c}" = "2"; then setenv c 0; else setenv c 2; fi
    if run put; then setenv saved yes; fi
fi

# The slot's partitions, and what its kernel is told. board_args is whatever the board's saved environment says, if there is
# one. slot.scr comes back only when it could not start the kernel.
setenv boot_part 4; setenv root_part 5
if test "${slot}" = "B"; then setenv boot_part 6; setenv root_part 7; fi
part uuid ${devtype} ${devnum}:${root_part} root_uuid
setenv slot_args ledger.slot=${slot} ledger.left=${left} ledger.saved=${saved} ${board_args}
echo "ledger: slot ${slot}, ${left} left, saved: ${saved}"
if load ${devtype} ${devnum}:${boot_part} ${scriptaddr} slot.scr; then source ${scriptaddr}; fi
echo "ledger: slot ${slot} did not start"
sleep 1
reset
