#!/bin/sh
# disk.sh: disks that are full.  The spool, the maildir and the log stand on
# tiny file systems of their own.

# In a mount namespace, so that no mount survives, whatever happens.
if [ -z "${POSTERN_NAMESPACE:-}" ] && command -v unshare >/dev/null 2>&1; then
	if [ "$(id -u)" -eq 0 ]; then flags=-m kind=root; else flags=-rm kind=user; fi
	if unshare $flags true 2>/dev/null; then
		POSTERN_NAMESPACE=$kind
		export POSTERN_NAMESPACE
		exec unshare $flags sh "$0" "$@"
	fi
fi

# shellcheck source=tests/support/peers.sh disable=SC2154,SC2317
. "$(dirname "$0")/../support/peers.sh"

mounted=
at_end() {
	for _m in $mounted; do umount "$_m" 2>/dev/null; done
}
# tiny NAME SIZE: a file system, in $tmp/NAME
tiny() {
	mkdir -p "$tmp/$1"
	mount -t tmpfs -o "size=$2,mode=1777" tmpfs "$tmp/$1" 2>/dev/null || return 1
	mounted="$mounted $tmp/$1"
}
if [ -z "${POSTERN_NAMESPACE:-}" ] || ! tiny full-spool 1m; then
	not_run disk "no mount namespace (a chroot?), or no mount of a tmpfs, is to be had here"
	finish
fi
must tiny full-mail 64k
# its own directory is the only inode
must tiny full-inodes 1m,nr_inodes=1
must tiny full-log 64k

must sink sink
must gateway gw <<END
hostname = "gw.example.org"
workers  = 1
spool { directory = "$tmp/full-spool"  memory = 64K }
listen mx { address = {"127.0.0.1:@PORT1@"} }
backend sink {
	protocol = smtp
	server one { address = "127.0.0.1:$sink_port" }
}
backend mail   { protocol = maildir  path = "$tmp/full-mail/%u" }
backend inodes { protocol = maildir  path = "$tmp/full-inodes/%u" }
route sunk   { rcpt-domain = {"example.org"}  backend = sink }
route mail   { rcpt-domain = {"mail.example.org"}  backend = mail }
route inodes { rcpt-domain = {"inodes.example.org"}  backend = inodes }
END
to_sink="--to user@example.org 127.0.0.1:$port1"
to_mail="--to user@mail.example.org 127.0.0.1:$port1"
last() { key reply "$(grep 'event=mail' "$gw_log" | tail -n 1)"; }
files() { (cd "$1" && find . -type f) | grep -c "/$2/"; }

# --- the spool ------------------------------------------------------------------

# shellcheck disable=SC2086 # words
gen -n 1 -s 2M $to_sink
equal "2 MiB through a spool of 1 MiB: deferred" \
    "$(field tempfail "$gen_out") $(field ok "$gen_out")" "1 0"
matches "with 452 4.3.1" "$(last)" '^452 4\.3\.1 '
# shellcheck disable=SC2086
gen -n 20 -s 32K --first 101 $to_sink
equal "smaller ones still go through" "$(field ok "$gen_out")" 20
# shellcheck disable=SC2086
gen -n 1 -s 800K --first 201 $to_sink
equal "and one that fits, so the room is free again" "$(field ok "$gen_out")" 1
# Several that fit alone and not together: some have to wait, none is lost.
# shellcheck disable=SC2086
gen -n 30 -c 5 -m 2 -s 600K --first 301 --retry 400 --retry-delay 5 \
    --acked "$tmp/acked" $to_sink
equal "five at once that do not fit together: all in the end" \
    "$(field ok "$gen_out")" 30
sink_end "$sink_pid" "$sink_log"
equal "nothing damaged, empty or twice" \
    "$(field damaged "$sink_out") $(field empty "$sink_out") $(field duplicates "$sink_out")" \
    "0 0 0"
equal "all of it arrived" "$(field distinct "$sink_out")" 51
equal "nothing stays in the spool" "$(find "$tmp/full-spool" -type f)" ""

# --- the maildir ------------------------------------------------------------------

# shellcheck disable=SC2086
gen -n 1 -s 4K --first 1 $to_mail
equal "a maildir with room" "$(field ok "$gen_out")" 1
equal "has it" "$(files "$tmp/full-mail" new)" 1
# shellcheck disable=SC2086
gen -n 1 -s 100K --first 2 $to_mail
equal "a message that the disk has no room for: deferred" \
    "$(field tempfail "$gen_out")" 1
matches "with 452 4.3.1" "$(last)" '^452 4\.3\.1 '
equal "nothing of it is in new" "$(files "$tmp/full-mail" new)" 1
equal "and nothing in tmp" "$(files "$tmp/full-mail" tmp)" 0
cat /dev/zero >"$tmp/full-mail/filler" 2>/dev/null
# shellcheck disable=SC2086
gen -n 20 -c 2 -s 4K --first 11 $to_mail
equal "a full disk: all deferred" \
    "$(field tempfail "$gen_out") $(field ok "$gen_out")" "20 0"
equal "a full disk: no parts of messages" \
    "$(files "$tmp/full-mail" new) $(files "$tmp/full-mail" tmp)" "1 0"
rm "$tmp/full-mail/filler"
# shellcheck disable=SC2086
gen -n 5 -s 4K --first 41 $to_mail
equal "room again: accepted" "$(field ok "$gen_out")" 5
equal "and there" "$(files "$tmp/full-mail" new)" 6

gen -n 1 -s 4K --to user@inodes.example.org "127.0.0.1:$port1"
equal "no inodes: deferred" "$(field tempfail "$gen_out")" 1
matches "no inodes: 452 4.3.1" "$(last)" '^452 4\.3\.1 '
stop "$gw_pid"
equal "posternd ends well" "$code" 0

# --- the log --------------------------------------------------------------------------

cat >"$tmp/log.conf" <<END
$(user_line)
hostname = "gw.example.org"
workers  = 2
drain    = 2s
log { to = file  path = "$tmp/full-log/postern.log" }
listen mx { address = {"127.0.0.1:$port1"} }
backend none { protocol = discard }
route all { rcpt-domain = {"example.org"}  backend = none }
END
run log "$POSTERND" -d -f "$tmp/log.conf"
log_pid=$pid
must wait_until 10 grep -q 'posternd starts' "$tmp/full-log/postern.log"
gen -n 1000 -c 10 -m 10 "127.0.0.1:$port1"
equal "a full disk under the log: mail goes on" "$(field ok "$gen_out")" 1000
: >"$tmp/full-log/postern.log"
gen -n 40 -c 10 -m 1 --first 2001 "127.0.0.1:$port1"
check "room again: it says how many lines are missing" wait_until 10 \
    grep -q 'event=log-dropped count=[0-9]' "$tmp/full-log/postern.log"
stop "$log_pid"
equal "posternd ends well" "$code" 0
finish
