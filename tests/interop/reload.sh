#!/bin/sh
# reload.sh: signals.  TERM lets a running transaction end, HUP takes a good
# file and refuses a bad one, a killed worker comes back, USR1 opens the log
# again.

# shellcheck source=tests/support/peers.sh disable=SC2154,SC2317
. "$(dirname "$0")/../support/peers.sh"

mkdir -m 1777 "$tmp/logs"

# A client that stays connected: smtpgen cannot wait, so a little perl that
# takes "send TEXT" and "want CODE" lines from a FIFO and writes what happens.
have perl || {
	not_run reload "missing: perl"
	finish
}
cat >"$tmp/client.pl" <<'END'
use strict;
use IO::Socket::INET;
$| = 1;
my $s = IO::Socket::INET->new(PeerAddr => $ARGV[0], Timeout => 10)
    or do { print "no connection\n"; exit 1 };
$SIG{ALRM} = sub { print "timeout\n"; exit 1 };
while (my $c = <STDIN>) {
	chomp $c;
	if ($c =~ /^send (.*)/) { print $s "$1\r\n"; $s->flush; next; }
	alarm 30;
	my $l;
	do { $l = <$s> } while defined $l && $l =~ /^\d{3}-/;
	alarm 0;
	$l = "closed" unless defined $l;
	$l =~ s/\r?\n$//;
	print "$l\n";
}
END

# talk N PORT: opens client N.  Its input is a FIFO that a process of its own
# keeps open.
talk() {
	mkfifo "$tmp/in$1"
	run "hold$1" sh -c "exec sleep 600 >'$tmp/in$1'"
	: >"$tmp/out$1" # before anybody reads it
	perl "$tmp/client.pl" "127.0.0.1:$2" <"$tmp/in$1" >"$tmp/out$1" 2>&1 &
	children="$children $!"
}
tell() { printf 'send %s\n' "$2" >"$tmp/in$1"; }
# hear N: the next reply, in $heard
hear() {
	_n=$(($(awk 'END { print NR }' "$tmp/out$1") + 1))
	echo want >"$tmp/in$1"
	heard=
	wait_until 35 has_lines "$tmp/out$1" "$_n" || heard="nothing came"
	[ -n "$heard" ] || heard=$(sed -n "${_n}p" "$tmp/out$1")
}
has_lines() { [ "$(awk 'END { print NR }' "$1")" -ge "$2" ]; }
exchange() {
	tell "$1" "$2"
	hear "$1"
}

config() {
	cat <<-END
	hostname = "gw.example.org"
	workers  = 2
	drain    = 10s
	log { to = file  path = "$tmp/logs/postern.log" }
	limits { per-client = 0  rate = "" }
	listen mx { address = {"127.0.0.1:@PORT1@"}  greeting = "${1:-first}" }
	backend sink {
		protocol = smtp
		server one { address = "127.0.0.1:$sink_port" }
	}
	route sunk { rcpt-domain = {"${2:-example.org}"}  backend = sink }
	END
}
log_file=$tmp/logs/postern.log

# gateway waits for "posternd starts" on stderr, which goes to the file here.
start_gateway() {
	gw_conf=$tmp/gw.conf
	for _try in 1 2 3 4 5; do
		port1=$(free_port)
		mkdir -p "$tmp/spool" && chmod 1777 "$tmp/spool"
		{
			user_line
			echo "spool { directory = \"$tmp/spool\" }"
			config "$@" | sed "s/@PORT1@/$port1/"
		} >"$gw_conf"
		rm -f "$log_file"
		run gw "$POSTERND" -d -f "$gw_conf"
		gw_pid=$pid
		wait_until 10 started_or_gone
		grep -q 'posternd starts' "$log_file" 2>/dev/null && return 0
		stop "$gw_pid"
	done
	cat "$tmp/gw.log"
	return 1
}
started_or_gone() {
	grep -q 'posternd starts' "$log_file" || gone_or_zombie "$gw_pid"
}
# rewrite GREETING DOMAIN: a new configuration on the same port
rewrite() {
	{
		user_line
		echo "spool { directory = \"$tmp/spool\" }"
		config "$@" | sed "s/@PORT1@/$port1/"
	} >"$gw_conf"
}
logged() { grep -q -e "$1" "$log_file"; }
logged_more() { [ "$(grep -c -e "$1" "$log_file")" -gt "$2" ]; }
greets() {
	rm -f "$tmp/inG" "$tmp/outG"
	printf 'want\n' | perl "$tmp/client.pl" "127.0.0.1:$port1" >"$tmp/outG" 2>&1
	grep -q "^220 $1" "$tmp/outG"
}

two_kids() { [ "$(kids "$gw_pid" | awk 'END { print NR }')" -eq 2 ]; }
refuses() { ! greets slow; }

must sink sink
must start_gateway

# --- HUP ------------------------------------------------------------------------

check "it greets" greets first
talk A "$port1"
hear A
exchange A 'EHLO a.example.net'
exchange A 'MAIL FROM:<a@example.net>'
matches "a transaction is open" "$heard" '^250 '

rewrite second
kill -HUP "$gw_pid"
check "HUP: the new configuration is taken" wait_until 10 logged 'configuration is changed'
check "HUP: new connections see it" greets second
exchange A 'RCPT TO:<user@example.org>'
matches "HUP: the open transaction goes on" "$heard" '^250 2\.1\.5'
exchange A DATA
tell A 'Subject: across a reload'
tell A ''
exchange A .
matches "HUP: to its end" "$heard" '^250 2\.0\.0 .*\[[0-9a-z.]*\]'
exchange A 'NOOP'
matches "HUP: then it is asked to come again" "$heard" '^421 4\.3\.2'
check "HUP: the old workers end" wait_until 10 two_kids

rewrite third
echo 'listen broken {' >>"$gw_conf"
line=$(awk 'END { print NR }' "$gw_conf")
before=$(kids "$gw_pid" | tr '\n' ' ')
kill -HUP "$gw_pid"
check "HUP with a bad file: an error" wait_until 10 logged 'level=error.*reload failed'
matches "HUP with a bad file: names the line" "$(cat "$log_file")" \
    "level=error.*gw.conf:($line|$((line + 1))): "
check "HUP with a bad file: nothing changed" greets second
equal "HUP with a bad file: the same workers" \
    "$(kids "$gw_pid" | tr '\n' ' ')" "$before"

rewrite fourth
sed "s/^listen mx.*/&\\
listen taken { address = {\"127.0.0.1:$sink_port\"} }/" "$gw_conf" >"$gw_conf.new"
mv "$gw_conf.new" "$gw_conf"
failures=$(grep -c 'reload failed' "$log_file")
kill -HUP "$gw_pid"
check "HUP with an address that is taken: an error" \
    wait_until 10 logged_more 'reload failed' "$failures"
check "HUP with an address that is taken: nothing changed" greets second

# Mail flows all the while, and none of it is lost.
changes=$(grep -c 'configuration is changed' "$log_file")
run load "$SMTPGEN" -n 4000 -c 20 -m 3 --retry 20 --retry-delay 20 \
    --acked "$tmp/acked" "127.0.0.1:$port1"
load_pid=$pid
for n in 1 2 3 4 5; do
	rewrite "round$n"
	kill -HUP "$gw_pid"
	wait_until 10 logged_more 'configuration is changed' $((changes + n - 1)) ||
	    not_ok "HUP under load: reload $n" "$(tail -n 5 "$log_file")"
done
wait "$load_pid"
load_code=$?
forget "$load_pid"
equal "five HUPs under load: every message is accepted" "$load_code" 0
out=$(grep '^gen ' "$tmp/load.log")
equal "five HUPs under load: 4000 messages" "$(field ok "$out")" 4000
equal "five HUPs under load: no connection is cut" "$(field lost "$out")" 0
sink_now "$sink_pid" "$sink_log"
equal "five HUPs under load: none lost, none twice" \
    "$(field lost "$sink_out") $(field duplicates "$sink_out") $(field distinct "$sink_out")" \
    "0 0 4000"

# --- kill -9 of a worker ------------------------------------------------------------

wait_until 15 two_kids
victim=$(kids "$gw_pid" | head -n 1)
kill -KILL "$victim"
check "a killed worker is logged" wait_until 10 logged "level=error.*pid $victim) died"
new_worker() { two_kids && ! kids "$gw_pid" | grep -qx "$victim"; }
check "a killed worker is replaced" wait_until 10 new_worker
check "and mail goes on" greets round5

# --- USR1 ---------------------------------------------------------------------------

mv "$log_file" "$log_file.1"
kill -USR1 "$gw_pid"
check "USR1: the log is opened again" wait_until 10 test -e "$log_file"
# Every worker, not just one: enough sessions for both.
gen -n 40 -c 10 --first 10001 "127.0.0.1:$port1"
equal "USR1: mail goes on" "$(field ok "$gen_out")" 40
forty() { [ "$(grep -c 'event=mail.*result=accepted' "$log_file")" -eq 40 ]; }
check "USR1: all workers write into the new file" wait_until 10 forty

# --- TERM ---------------------------------------------------------------------------

# A backend that thinks for a while: TERM comes while the message is with it.
sink_end "$sink_pid" "$sink_log"
must sink slow --fail dot=slow=1500
rewrite slow
kill -HUP "$gw_pid"
check "HUP: a new backend" wait_until 10 greets slow
talk B "$port1"
hear B
exchange B 'EHLO b.example.net'
exchange B 'MAIL FROM:<b@example.net>'
exchange B 'RCPT TO:<user@example.org>'
exchange B DATA
tell B 'Subject: while it stops'
tell B ''
tell B .
# The sink has it when it counts the message.
has_message() {
	sink_now "$sink_pid" "$sink_log"
	[ "$(field messages "$sink_out")" -ge 1 ]
}
check "TERM: a message is with the backend" wait_until 10 has_message
kill -TERM "$gw_pid"
check "TERM: nobody is let in any more" wait_until 10 refuses
hear B
matches "TERM: the reply still arrives" "$heard" '^250 2\.0\.0 .*\[[0-9a-z.]*\]'
exchange B 'MAIL FROM:<b@example.net>'
matches "TERM: then it is asked to come again" "$heard" '^421 4\.3\.2'
check "TERM: posternd ends when the last session does" \
    wait_until 5 gone_or_zombie "$gw_pid"
stop "$gw_pid"
equal "TERM: with 0" "$code" 0
matches "TERM: the message is in the log as accepted" "$(cat "$log_file")" \
    'event=mail.*result=accepted.*from=b@example.net'
check "TERM: and says goodbye" logged 'posternd ends'
finish
