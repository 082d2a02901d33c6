#!/usr/bin/env bash
# The programs are built as Debian builds its own: position-independent, nothing
# writable that need not be, the stack guarded, library calls checked.
. "$(dirname "$0")/../lib.sh"

for tool in logrecv logbatch logload logsend logship logfetch; do
	elf=$(readelf --wide --file-header --program-headers --dynamic \
		--dyn-syms "$BUILD/$tool")
	like "$elf" 'Type: +DYN' "$tool is position-independent"
	like "$elf" 'GNU_RELRO' "$tool: its relocations are read-only"
	like "$elf" 'BIND_NOW' "$tool: all of them"
	like "$elf" 'GNU_STACK +0x0+ 0x0+ 0x0+ 0x0+ 0x0+ RW ' \
		"$tool: nothing is executed on its stack"
	like "$elf" '__stack_chk_fail' "$tool: which is guarded"
	case $elf in
	*__asan_* | *__tsan_*) ;;
	*) like "$elf" '__[a-z]*printf_chk' "$tool: library calls are checked" ;;
	esac
done
done_testing
