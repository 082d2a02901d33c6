#!/usr/bin/env bash
# What lies in a spool is loaded, moved and overwritten: so no tool uses one
# that a stranger may write to, or that leads elsewhere, and says what is wrong.
. "$(dirname "$0")/../lib.sh"

# refuses NAME ERE: so do all three tools, with status 78
refuses() {
	local tool more

	for tool in logrecv logbatch logload; do
		more=()
		[ "$tool" = logload ] && more=(--db mysql://u@127.0.0.1:1/d)
		[ "$tool" = logrecv ] && more=(--listen 127.0.0.1:0)
		run timeout 20 "$tool" --spool "$SPOOL" "${more[@]}"
		is "$STATUS" 78 "$1: $tool ends with status 78"
		like "$ERR" " error $tool: use $2" '  and says why'
	done
}

spool_new
run logbatch --spool "$SPOOL" --once
is "$STATUS" 0 'a new spool is all right'
is "$(stat -c %a "$SPOOL" "$SPOOL"/* | sort -u)" 750 'of mode 750'

chmod o+w "$SPOOL/ready"
refuses 'ready/ is for others to write' \
	"$SPOOL/ready: others may write to it \(mode 0752\)"
chmod o-w "$SPOOL/ready"
chmod 777 "$SPOOL"
refuses 'the spool is for others to write' \
	"$SPOOL: others may write to it \(mode 0777\)"
# Where others cannot take away what is ours, as in a new tmpfs.
chmod 1777 "$SPOOL"
run logbatch --spool "$SPOOL" --once
is "$STATUS" 0 'a spool as /tmp is will do'
chmod 755 "$SPOOL"

mv "$SPOOL/loaded" "$DIR/loaded"
ln -s "$DIR/loaded" "$SPOOL/loaded"
refuses 'loaded/ is a link' "$SPOOL/loaded: it is a symbolic link"
rm "$SPOOL/loaded"
ln -s nowhere "$SPOOL/loaded"
refuses 'one that leads nowhere' "$SPOOL/loaded: it is a symbolic link"
rm "$SPOOL/loaded"

ln -s "$SPOOL" "$DIR/link"
run logbatch --spool "$DIR/link" --once
is "$STATUS" 0 'the path of the spool may be a link'
chmod g+w "$SPOOL/buffer"
run logbatch --spool "$SPOOL" --once
is "$STATUS" 0 'and a group of ours may write'

if [ "$(id -u)" -eq 0 ]; then
	chgrp 62000 "$SPOOL/buffer"
	refuses 'buffer/ is for a foreign group to write' \
		"$SPOOL/buffer: group 62000, which this process is not in, may"
	run setpriv --groups=62000,62001 logbatch --spool "$SPOOL" --once
	is "$STATUS" 0 'one that is ours besides'
	chmod g-w "$SPOOL/buffer"
	chown 62001 "$SPOOL/metrics"
	refuses 'metrics/ is of a foreign user' \
		"$SPOOL/metrics: it belongs to user 62001, not to root, this"
	chown 62001 "$SPOOL"
	run logbatch --spool "$SPOOL" --once
	is "$STATUS" 0 'who owns the spool may own it'
fi
done_testing
