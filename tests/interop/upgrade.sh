#!/bin/sh
# upgrade.sh: HUP with another program in the place of posternd: it takes over
# under load, in the same process, with what the one of before knew.  A program
# that can not, changes nothing.

# shellcheck source=tests/support/peers.sh disable=SC2154,SC2317
. "$(dirname "$0")/../support/peers.sh"
need perl

POSTERNCTL=$BUILD/posternctl
socket=$tmp/ctl/control.sock
real=$POSTERND
mkdir "$tmp/sbin"
mkdir -m 1777 "$tmp/boxes"
POSTERND=$tmp/sbin/posternd
export real
# ctl ARGS...: its output in $said, its exit code in $code
ctl() {
	code=0
	said=$("$POSTERNCTL" -s "$socket" "$@" 2>/dev/null) || code=$?
}
# of NAME: of status
of() { "$POSTERNCTL" -s "$socket" status 2>/dev/null | sed -n "s/^$1  *//p"; }
# server NAME: its state
server() {
	"$POSTERNCTL" -s "$socket" backends |
	    awk -v s="$1" '$1 == s { print $3 }'
}
# other FILE TEXT TEXT: posternd with another text of the same length in it
other() {
	perl -0777 -pe 'BEGIN { ($from, $to) = splice @ARGV, 0, 2 }
	    s/\Q$from\E/$to/g' "$2" "$3" <"$real" >"$1"
	chmod 755 "$1"
}
# put FILE: by rename, as an installation should do it
put() {
	cp "$1" "$POSTERND.new"
	chmod 755 "$POSTERND.new"
	mv "$POSTERND.new" "$POSTERND"
}
logged() { grep -q -e "$1" "$gw_log"; }
count() { grep -c -e "$1" "$gw_log"; }
more() { [ "$(count "$1")" -gt "$2" ]; }
done_text='the configuration is changed'
failed_text='level=error.*reload failed'
# hup: and wait for its end, $hup is good or bad
hup() {
	_good=$(count "$done_text") _bad=$(count "$failed_text")
	kill -HUP "$gw_pid"
	wait_until 15 hup_over
	hup=bad
	! more "$done_text" "$_good" || hup=good
}
hup_over() { more "$done_text" "$_good" || more "$failed_text" "$_bad"; }
# talk PORT PERL: a client to its end; what it prints
talk() {
	wire -Mwire -e 'my $c = wire->to("127.0.0.1:$ARGV[0]"); '"$2" "$1" 2>&1
}

version=$("$real" -v | sed 's/.* //')
next=$(printf '%s' "$version" | tr '0123456789' 9876543210)
other "$tmp/next" "$version" "$next"
[ "$("$tmp/next" -v)" = "posternd $next" ] || {
	not_ok "a program with another version" "$("$tmp/next" -v 2>&1)"
	finish
}

put "$real"
must sink sink
for n in a b; do
	must sink "$n" --received "$tmp/$n.received"
	eval "${n}_port=\$sink_port"
done
must gateway gw <<END
hostname = "gw.example.org"
workers  = 2
pid-file = "$tmp/pid"
admin { control = "$socket" }
listen mx { address = {"127.0.0.1:@PORT1@"} }
listen few { address = {"127.0.0.1:@PORT2@"}  limits { rate = "2/1h" } }
listen unix { address = {"unix:$tmp/smtp.sock"} }
backend store {
	protocol = smtp
	server a { address = "127.0.0.1:$a_port" }
	server b { address = "127.0.0.1:$b_port" }
}
backend files { protocol = maildir  path = "$tmp/boxes/Maildir" }
route files { rcpt-domain = {"files.example.org"}  backend = files }
route store { rcpt-domain = {"example.org"}  backend = store }
END
equal "status: the version" "$(of version)" "$version"
equal "status: the process" "$(of pid)" "$gw_pid"

# --- what is known before ------------------------------------------------------

ctl drain store/b
ctl pause unix
ctl log debug
few='print $c->reply; print $c->rest'
for n in 1 2; do
	talk "$port2" 'print $c->reply' >"$tmp/few$n"
done
matches "a client that has come as often as it may" "$(talk "$port2" "$few")" '^4'
message='$c->hello; $c->ask("MAIL FROM:<gone\@example.net>", 250);
    $c->ask("RCPT TO:<u\@example.org>", 250); $c->ask("DATA", 354);
    $c->put("Date: Sun, 22 Nov 2026 12:00:00 +0000\r\nFrom: a\@b.c\r\n" .
    "Message-ID: <1\@example.net>\r\n\r\nx\r\n.\r\n"); print $c->reply'
matches "a message whose sender leaves without a word" \
    "$(talk "$port1" "$message")" '^250 '
journalled() { grep -q 'from=gone@example.net' "$gw_log"; }
wait_until 5 journalled

# A client that is in the middle of a message all the while.
run held perl -I"$top/tests/support" -Mwire -e '$| = 1;
	my $c = wire->to("127.0.0.1:$ARGV[0]"); $c->hello;
	$c->ask("MAIL FROM:<held\@example.net>", 250);
	$c->ask("RCPT TO:<u\@example.org>", 250); $c->ask("DATA", 354);
	print "begun\n"; sleep 1 until -e $ARGV[1];
	$c->put("Subject: x\r\n\r\nx\r\n.\r\n"); print $c->reply' "$port1" "$tmp/go"
held_pid=$pid
wait_until 10 grep -q begun "$tmp/held.log"

# --- another program ------------------------------------------------------------

old=$(kids "$gw_pid")
sockets() { find "/proc/$gw_pid/fd" 2>/dev/null | awk 'END { print NR }'; }
run load "$SMTPGEN" -n 8000 -c 10 -m 1 --acked "$tmp/acked" "127.0.0.1:$port1"
load_pid=$pid
put "$tmp/next"
hup
equal "HUP under load: the new program takes over" "$hup" good
matches "and says so" "$(cat "$gw_log")" \
    "posternd $next takes over from $version"
check "posternctl tells its version" wait_until 5 eval '[ "$(of version)" = "$next" ]'
equal "in the same process" "$(of pid)" "$gw_pid"
equal "whose number is in the pid file" "$(cat "$tmp/pid")" "$gw_pid"
first=$(sockets)
for n in 1 2 3; do
	put "$real"
	hup
	put "$tmp/next"
	hup
done
equal "to and fro, six times more" "$hup $(count "$done_text")" "good 7"
wait "$load_pid"
load_code=$?
forget "$load_pid"
out=$(grep '^gen ' "$tmp/load.log")
equal "the load: all is accepted at once, no connection refused or cut" \
    "$load_code $(field ok "$out") $(field tempfail "$out") $(field lost "$out")" \
    "0 8000 0 0"
equal "nothing acknowledged is missing" \
    "$(missing_from "$tmp/acked" "$tmp/a.received" "$tmp/b.received")" 0
equal "and nothing is there twice" "$(twice "$tmp/a.received" "$tmp/b.received")" 0

# --- what is known behind it ------------------------------------------------------

equal "the server is still drained" "$(server store/b)" draining
equal "the listener is still paused" "$(of paused)" unix
equal "the level of the log is still the operator's" "$(of level)" debug
matches "the client has still come as often as it may" \
    "$(talk "$port2" "$few")" '^4'
matches "the message is sent once more" "$(talk "$port1" "$message")" '^250 '
check "and the journal knows it" wait_until 5 logged 'from=gone@example.net.* known=1'
lacks "no layout is another one" "$(cat "$gw_log")" 'begins anew'
ctl sessions
matches "a session of the first program is seen" "$said" 'held@example\.net'
: >"$tmp/go"
wait "$held_pid"
forget "$held_pid"
matches "and its message goes through" "$(tail -n 1 "$tmp/held.log")" '^250 '
still() {
	for _p in $old; do
		! alive "$_p" || return 0
	done
	return 1
}
all_gone() { ! still; }
check "then the processes of the first program end" wait_until 15 all_gone
gen -n 5 --first 20001 --to u@files.example.org "127.0.0.1:$port1"
equal "the agent is there" "$(field ok "$gen_out")" 5
hup
if [ -d "/proc/$gw_pid/fd" ]; then
	at_most "the master keeps no descriptor too many" "$(sockets)" $((first + 4))
fi
ctl enable store/b
ctl resume unix
ctl log configured

# --- another layout -----------------------------------------------------------------

other "$tmp/layout" 'journal 1' 'journal 2'
put "$tmp/layout"
hup
equal "another layout of the journal: it takes over" "$hup" good
check "and says that the journal begins anew" logged 'journal 1: .*begins anew'
matches "so the message is delivered again" "$(talk "$port1" "$message")" '^250 '

# --- no program ---------------------------------------------------------------------

put "$real"
hup
present=$(of version)
workers() { kids "$gw_pid" | sort | tr '\n' ' '; }
two() { [ "$(ps -A -o ppid= -o comm= | grep -c "^ *$gw_pid  *postern-work")" -eq 2 ]; }
! ps -A -o comm= | grep -q postern-work || wait_until 15 two
before=$(workers)
# refused NAME LOG-ERE: the file in $tmp/bad does not take over
refused() {
	put "$tmp/bad"
	hup
	equal "$1: HUP changes nothing" "$hup $(of pid) $(workers)" \
	    "bad $gw_pid $before"
	matches "$1: the log says why" "$(tail -n 40 "$gw_log")" "$2"
	ctl reload
	equal "$1: posternctl reload says so" "$code" 69
}
echo 'nothing to be executed' >"$tmp/bad"
refused "a file that is no program" \
    "level=error.*(can not execute $POSTERND|not found|$POSTERND)"
printf '#!/bin/sh\necho oh no >&2\nexit 1\n' >"$tmp/bad"
refused "a program that fails" 'level=error msg="?oh no'
printf '#!/bin/sh\nkill -SEGV $$\n' >"$tmp/bad"
refused "a program that crashes" 'level=error.*died: Segmentation'
printf '#!/bin/sh\nexit 0\n' >"$tmp/bad"
refused "a program that knows nothing of a handover" \
    'level=error.*does not know how to take over'
rm "$POSTERND"
hup
equal "no program at all: HUP changes nothing" "$hup $(workers)" "bad $before"
matches "no program at all: the log says why" "$(tail -n 3 "$gw_log")" \
    "level=error.*can not execute $POSTERND"
equal "the same version all the while" "$(of version)" "$present"

# A program that hangs: the master does its work meanwhile.
printf '#!/bin/sh\nsleep 300\n' >"$tmp/bad"
put "$tmp/bad"
bad=$(count "$failed_text")
kill -HUP "$gw_pid"
victim=$(ps -A -o pid= -o ppid= -o comm= |
    awk -v p="$gw_pid" '$2 == p && $3 ~ /^postern-work/ { print $1; exit }')
if [ -n "$victim" ]; then
	kill -KILL "$victim"
	replaced() { two && ! kids "$gw_pid" | grep -qx "$victim"; }
	check "while a program hangs, a killed worker is replaced" \
	    wait_until 10 replaced
fi
check "a program that hangs is ended" wait_until 40 more "$failed_text" "$bad"
check "and the log says so" logged 'did not end within 20 seconds'

# --- a failure behind the trial ---------------------------------------------------------

# The trial is good, but then the configuration is gone.
cat >"$tmp/bad" <<END
#!/bin/sh
[ "\$1" = -n ] || mv "$gw_conf" "$gw_conf.away"
exec "$real" "\$@"
END
put "$tmp/bad"
hup
equal "a take-over that fails: the log says so" "$hup" bad
gen -n 20 -c 4 --first 30001 "127.0.0.1:$port1"
equal "the workers of before go on" "$(field ok "$gen_out")" 20
mv "$gw_conf.away" "$gw_conf"
changed=$(count "$done_text")
check "and it is tried again" wait_until 20 more "$done_text" "$changed"
check "there are new workers" wait_until 5 two
gen -n 20 -c 4 --first 40001 "127.0.0.1:$port1"
equal "which take mail" "$(field ok "$gen_out")" 20

stop "$gw_pid"
equal "posternd ends well" "$code" 0
check "and takes its files away" \
    test ! -e "$tmp/pid" -a ! -e "$socket" -a ! -e "$tmp/smtp.sock"

# A program whose handover is not known to the next one.
other "$tmp/bad" contract-1 contract-2
put "$tmp/bad"
must gateway other <"$gw_conf.in"
put "$real"
before=$(kids "$gw_pid")
hup
equal "another handover: HUP changes nothing" "$hup $(kids "$gw_pid")" \
    "bad $before"
matches "another handover: the log says why" "$(cat "$gw_log")" \
    'level=error.*can not take over from the one that runs .handover contract-2'
finish
