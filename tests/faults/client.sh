#!/bin/sh
# client.sh: clients that go away at every moment, and workers that are killed
# under them.  What was not complete is not delivered, what was acknowledged
# is there, and nothing stays behind.

# shellcheck source=tests/support/peers.sh disable=SC2154,SC2317
. "$(dirname "$0")/../support/peers.sh"

must sink sink --received "$tmp/received"
# With a session left over, posternd would wait those 60 s for it at the end.
must gateway gw <<END
hostname = "gw.example.org"
workers  = 2
drain    = 60s
limits { data-timeout = 1s  command-timeout = 30s }
spool  { directory = "$tmp/spool"  memory = 16K }
listen mx { address = {"127.0.0.1:@PORT1@"} }
backend sink {
	protocol = smtp
	server one { address = "127.0.0.1:$sink_port" }
}
route sunk { rcpt-domain = {"example.org"}  backend = sink }
END

# faults STAGE ARGS...: every third connection goes wrong at STAGE, no retry
next=1
faults() {
	_stage=$1
	shift
	sink_now "$sink_pid" "$sink_log"
	_had=$(field distinct "$sink_out")
	gen -n 300 -c 10 -m 5 -s 40K --first $next --faults "$_stage" \
	    --fault-every 3 "$@" "127.0.0.1:$port1"
	next=$((next + 300))
	sink_now "$sink_pid" "$sink_log"
	_new=$(($(field distinct "$sink_out") - _had))
	_ok=$(field ok "$gen_out") _bad=$(field faulted "$gen_out")
	_name="client leaves at $_stage${1:+ ($*)}"
	equal "$_name: 300 attempts" $((_ok + _bad)) 300
	at_least "$_name: it does" "$_bad" 20
	if [ "$_stage" = dot ] || [ "$_stage" = random ]; then
		# Those at the dot were complete.
		at_least "$_name: what was accepted is there" "$_new" "$_ok"
	else
		equal "$_name: only what was complete is delivered" "$_new" "$_ok"
	fi
}
for stage in connect ehlo mail rcpt data body dot random; do
	faults $stage
done
faults body -p
faults body --fault-reset
faults dot --fault-reset
faults random -p --fault-reset

# They come again, as real ones do: it is heard of in the end, and nobody has it
# twice.
again() {
	gen -n 300 -c 10 -m 5 -s 40K --first $next --faults "$@" \
	    --fault-every 3 --retry 50 --retry-delay 500 \
	    --acked "$tmp/again" "127.0.0.1:$port1"
	next=$((next + 300))
	_name="client leaves at $* and tries again"
	at_least "$_name: it does" "$(field faulted "$gen_out")" 20
	equal "$_name: all is accepted in the end" \
	    "$(field ok "$gen_out") $(field failed "$gen_out")" "300 0"
	equal "$_name: and there" \
	    "$(missing_from "$tmp/again" "$tmp/received")" 0
}
again dot
again dot -p
again dot --fault-reset
again random

sink_now "$sink_pid" "$sink_log"
equal "nothing damaged, empty or twice" \
    "$(field damaged "$sink_out") $(field empty "$sink_out") $(field duplicates "$sink_out")" \
    "0 0 0"

# --- clients that do not go away ---------------------------------------------------

# perl only where it is: a client that stops in the middle of a message, and
# one that closes its sending side behind a complete one and QUIT
if have perl; then
	cat >"$tmp/part.pl" <<'END'
use strict;
use IO::Socket::INET;
my ($to, $end, $shut) = @ARGV;
my $s = IO::Socket::INET->new(PeerAddr => $to) or die "connect: $!";
alarm 20;
print $s "EHLO c.example.net\r\nMAIL FROM:<part\@example.net>\r\n",
    "RCPT TO:<user\@example.org>\r\nDATA\r\nSubject: part\r\n\r\nbody\r\n$end";
print $s ".\r\nQUIT\r\n" if $shut;
$s->flush;
shutdown($s, 1) if $shut;
print while <$s>;
END
	out=$(perl "$tmp/part.pl" "127.0.0.1:$port1" "more" 0 2>&1)
	matches "half a message, then silence: 421" "$out" '^421 4\.4\.2'
	lacks "half a message, then silence: not accepted" "$out" '^250 2\.0\.0'
	out=$(perl "$tmp/part.pl" "127.0.0.1:$port1" "" 1 2>&1)
	matches "a complete message, then a half-closed connection: delivered" \
	    "$out" '^250 2\.0\.0 stored'
	matches "and it hears the reply to QUIT too" "$out" '^221 2\.0\.0'
else
	not_run "half a message, then silence" "missing: perl"
fi

# --- workers that are killed under load -----------------------------------------------

two_kids() { [ "$(kids "$gw_pid" | awk 'END { print NR }')" -ge 2 ]; }
run load "$SMTPGEN" -n 6000 -c 20 -m 10 --first 100001 --retry 200 \
    --retry-delay 20 --acked "$tmp/acked" "127.0.0.1:$port1"
load_pid=$pid
taken() { [ "$(awk 'END { print NR }' "$tmp/acked" 2>/dev/null)" -ge "$1" ]; }
for n in 1 2 3; do
	wait_until 20 taken $((n * 1000)) ||
	    not_ok "kill -9 of a worker: load goes on" "$(tail -n 3 "$tmp/load.log")"
	wait_until 10 two_kids
	# The younger one and the older one in turn.
	kill -KILL "$(kids "$gw_pid" | sort -n | sed -n "$((n % 2 + 1))p")"
done
wait "$load_pid"
forget "$load_pid"
out=$(grep '^gen ' "$tmp/load.log")
equal "kill -9 of a worker: three have died" \
    "$(grep -c 'worker [0-9]* (pid [0-9]*) died: Killed' "$gw_log")" 3
equal "kill -9 of a worker: all is accepted in the end" "$(field ok "$out")" 6000
equal "kill -9 of a worker: nothing accepted is missing" \
    "$(missing_from "$tmp/acked" "$tmp/received")" 0
# What a worker had in flight when it died the master finds in its ring.  Who has
# it hears so; what nobody can know is sent again, and the record says so.
at_most "kill -9 of a worker: nothing twice but what the log says may be" \
    "$(awk '$1 > 100000' "$tmp/received" | twice -)" \
    "$(grep -c 'event=mail.* again=' "$gw_log")"
sink_end "$sink_pid" "$sink_log"
equal "nothing damaged or empty in all of it" \
    "$(field damaged "$sink_out") $(field empty "$sink_out")" "0 0"

# --- nothing stays behind ------------------------------------------------------------------

equal "no file stays in the spool" "$(find "$tmp/spool" -type f)" ""
kill -TERM "$gw_pid"
check "no session stays: posternd ends at once" wait_until 20 gone_or_zombie "$gw_pid"
stop "$gw_pid"
equal "posternd ends well" "$code" 0
finish
